// Test support: an executor with a clock of its own and a stream in memory, so that a connection
// can be fed byte by byte and time moves only when a test says so. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api_gateway/http/http_connection.h"
#include "api_gateway/http/http_shard.h"
#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace ashlar::api_gateway {

class ManualClock final : public Clock {
 public:
  int64_t WallMilliseconds() override { return 1'369'353'600'000 + now_ / 1'000'000; }
  int64_t MonotonicNanoseconds() override { return now_; }
  void Advance(Duration by) { now_ += by.count(); }

 private:
  int64_t now_ = 1'000'000'000;
};

class FixedRandom final : public Random {
 public:
  void Fill(MutableByteSpan out) override {
    for (uint8_t& byte : out) byte = next_++;
  }

 private:
  uint8_t next_ = 0;
};

class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(ManualClock& clock) : clock_(clock) { SetCurrent(this); }
  ~ManualExecutor() override { SetCurrent(nullptr); }

  void Post(std::coroutine_handle<> handle) override {
    ready_.push_back([handle] { handle.resume(); });
  }
  void PostFunction(std::function<void()> function) override {
    ready_.push_back(std::move(function));
  }
  void PostAfter(Duration delay, std::coroutine_handle<> handle) override {
    PostFunctionAfter(delay, [handle] { handle.resume(); });
  }
  void PostFunctionAfter(Duration delay, std::function<void()> function) override {
    timers_.emplace(clock_.MonotonicNanoseconds() + delay.count(), std::move(function));
  }

  // Everything that can run without time passing.
  void Run() {
    while (!ready_.empty()) {
      const std::function<void()> next = std::move(ready_.front());
      ready_.pop_front();
      next();
    }
  }
  // Lets time pass, from timer to timer.
  void Advance(Duration by) {
    const int64_t until = clock_.MonotonicNanoseconds() + by.count();
    Run();
    while (!timers_.empty() && timers_.begin()->first <= until) {
      auto timer = timers_.extract(timers_.begin());
      clock_.Advance(Duration(std::max<int64_t>(0, timer.key() - clock_.MonotonicNanoseconds())));
      timer.mapped()();
      Run();
    }
    clock_.Advance(Duration(until - clock_.MonotonicNanoseconds()));
  }

 private:
  ManualClock& clock_;
  std::deque<std::function<void()>> ready_;
  std::multimap<int64_t, std::function<void()>> timers_;
};

// The far end of a MemoryStream; outlives it.
struct MemoryPeer {
  std::string to_server;  // not read yet
  std::string from_server;
  size_t read_bytes_max = SIZE_MAX;  // the server gets at most so much at a time
  bool closed = false;               // no more will come
  bool server_closed_write = false;
  bool server_aborted = false;
  bool server_gone = false;  // the stream was destroyed
  bool fail_writes = false;
  std::function<void()> wake = [] {};

  void Send(std::string_view bytes) {
    to_server.append(bytes);
    wake();
  }
  void Close() {
    closed = true;
    wake();
  }
  std::string Take() { return std::exchange(from_server, std::string()); }
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(ManualExecutor& executor, MemoryPeer& peer) : executor_(executor), peer_(peer) {
    peer_.wake = [this] { Wake(); };
  }
  ~MemoryStream() override {
    peer_.wake = [] {};
    peer_.server_gone = true;
    CHECK(reader_ == nullptr);
  }

  Task<Result<size_t>> ReadSome(MutableByteSpan out) override {
    ReadWait wait{*this};
    co_await wait;
    if (peer_.server_aborted) co_return Status(Code::kCancelled, "aborted");
    if (peer_.to_server.empty() && !peer_.closed) {
      co_return Status(Code::kDeadlineExceeded, "timeout");
    }
    const size_t count = std::min({out.size(), peer_.to_server.size(), peer_.read_bytes_max});
    std::memcpy(out.data(), peer_.to_server.data(), count);
    peer_.to_server.erase(0, count);
    co_return count;
  }
  Task<Status> Write(std::span<const ByteSpan> parts) override {
    if (peer_.server_aborted || peer_.fail_writes) co_return Status(Code::kCancelled, "reset");
    for (const ByteSpan part : parts) peer_.from_server.append(AsText(part));
    ++writes_;
    co_return Status::Ok();
  }
  Task<void> CloseWrite() override {
    peer_.server_closed_write = true;
    co_return;
  }
  void Abort() override {
    peer_.server_aborted = true;
    Wake();
  }
  void SetTimeout(Duration timeout) override { timeout_ = timeout; }
  std::string PeerAddress() const override { return "192.0.2.1"; }
  bool IsTls() const override { return false; }

 private:
  struct ReadWait {
    MemoryStream& stream;
    bool await_ready() const { return stream.Ready(); }
    void await_suspend(std::coroutine_handle<> handle) const { stream.Suspend(handle); }
    void await_resume() const {}
  };
  bool Ready() const { return !peer_.to_server.empty() || peer_.closed || peer_.server_aborted; }
  void Suspend(std::coroutine_handle<> handle) {
    CHECK(reader_ == nullptr);
    reader_ = handle;
    const uint64_t mine = ++generation_;
    std::weak_ptr<int> alive = alive_;
    executor_.PostFunctionAfter(timeout_, [this, alive, mine] {
      if (!alive.expired() && generation_ == mine) Wake();
    });
  }
  void Wake() {
    ++generation_;
    if (reader_ != nullptr) executor_.Post(std::exchange(reader_, nullptr));
  }

  ManualExecutor& executor_;
  MemoryPeer& peer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::coroutine_handle<> reader_;
  uint64_t generation_ = 0;
  Duration timeout_{};
  int writes_ = 0;
};

// One connection in memory and its server's shard.
class MemoryConnection {
 public:
  explicit MemoryConnection(HttpHandler handler, HttpServerOptions options = {}) : executor(clock) {
    options.access_log = false;
    options.record_metrics = false;
    options.clock = &clock;
    options.random = &random;
    state = std::make_shared<HttpServerState>(options, std::move(handler));
    shard = std::make_shared<HttpShard>(state, executor);
  }
  ~MemoryConnection() {
    if (opened_ > 0) {
      peer.Close();
      executor.Advance(std::chrono::minutes(5));
    }
    CHECK(scope.active() == 0);
  }

  // Starts the server's side. `other`: another client, kept by the caller.
  void Open(MemoryPeer* other = nullptr) {
    ++opened_;
    if (other == nullptr) peer_open_ = true;
    MemoryPeer& far_end = other != nullptr ? *other : peer;
    scope.Spawn(executor,
                HttpShard::Serve(shard, std::make_unique<MemoryStream>(executor, far_end)));
    executor.Run();
  }
  // Sends, lets the server work, and gives what it answered.
  std::string Exchange(std::string_view bytes) {
    if (!peer_open_) Open();
    peer.Send(bytes);
    executor.Run();
    return peer.Take();
  }

  ManualClock clock;
  FixedRandom random;
  ManualExecutor executor;
  std::shared_ptr<HttpServerState> state;
  std::shared_ptr<HttpShard> shard;
  MemoryPeer peer;
  TaskScope scope;

 private:
  int opened_ = 0;
  bool peer_open_ = false;
};

inline size_t CountOf(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// Answers with "METHOD target|body"; a body that fails with its code.
inline Task<void> Echo(HttpExchange& exchange) {
  std::string text = exchange.request().method + " " + exchange.request().raw_target + "|";
  std::vector<uint8_t> buffer(1000);
  ResponseHead head;
  while (true) {
    const Result<size_t> count = co_await exchange.ReadBody(buffer);
    if (!count.ok()) {
      head.status = 400;
      text = CodeName(count.code());
      break;
    }
    if (*count == 0) break;
    text += AsText(ByteSpan(buffer).first(*count));
  }
  (void)co_await exchange.Respond(std::move(head), std::move(text));
}

}  // namespace ashlar::api_gateway

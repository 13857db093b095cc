// The bytes between two coroutines.
#include "runtime/sim_stream.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/sync.h"

namespace ashlar {
namespace {

constexpr uint64_t kLatencyNanosecondsMax = 50'000;

// One direction.
struct Pipe {
  std::string bytes;
  bool closed = false;   // nothing more will come
  bool aborted = false;  // what has come is gone, too
  std::shared_ptr<OneShot<Unit>> reader;

  void Wake() {
    if (reader != nullptr) std::exchange(reader, nullptr)->Set(Unit{});
  }
};
using PipePtr = std::shared_ptr<Pipe>;

class SimStream final : public Stream {
 public:
  SimStream(SimExecutor& executor, uint64_t seed, PipePtr in, PipePtr out)
      : executor_(executor), random_(seed), in_(std::move(in)), out_(std::move(out)) {}
  ~SimStream() override {
    out_->closed = true;
    out_->Wake();
    in_->closed = true;
  }

  Task<Result<size_t>> ReadSome(MutableByteSpan out) override {
    const PipePtr in = in_;
    if (in->bytes.empty() && !in->closed && !in->aborted) {
      auto wake = std::make_shared<OneShot<Unit>>();
      in->reader = wake;
      if (timeout_.count() > 0) {
        executor_.PostFunctionAfter(timeout_, [weak = std::weak_ptr(in), wake] {
          const PipePtr pipe = weak.lock();
          if (pipe != nullptr && pipe->reader == wake) pipe->Wake();
        });
      }
      OneShot<Unit>& woken = *wake;
      co_await woken;
    }
    if (in->aborted) co_return Status(Code::kCancelled, "aborted");
    if (in->bytes.empty()) {
      if (in->closed) co_return size_t{0};
      co_return Status(Code::kDeadlineExceeded, "the peer is silent");
    }
    size_t count = std::min(out.size(), in->bytes.size());
    if (count > 1 && random_.Below(8) == 0) count = 1 + random_.Below(count);
    std::memcpy(out.data(), in->bytes.data(), count);
    in->bytes.erase(0, count);
    co_return count;
  }
  Task<Status> Write(std::span<const ByteSpan> parts) override {
    const PipePtr out = out_;
    Sleep latency{Duration(static_cast<int64_t>(random_.Below(kLatencyNanosecondsMax)))};
    co_await latency;
    if (out->closed || out->aborted) co_return Status(Code::kCancelled, "the peer is gone");
    for (const ByteSpan part : parts) out->bytes.append(AsText(part));
    out->Wake();
    co_return Status::Ok();
  }
  Task<void> CloseWrite() override {
    out_->closed = true;
    out_->Wake();
    co_return;
  }
  void Abort() override {
    for (const PipePtr& pipe : {in_, out_}) {
      pipe->aborted = true;
      pipe->Wake();
    }
  }
  void SetTimeout(Duration timeout) override { timeout_ = timeout; }
  std::string PeerAddress() const override { return "192.0.2.1"; }
  bool IsTls() const override { return false; }

 private:
  SimExecutor& executor_;
  SimRandom random_;
  const PipePtr in_;
  const PipePtr out_;
  Duration timeout_{};
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> MakeSimStreams(SimExecutor& executor,
                                                                           uint64_t seed) {
  auto there = std::make_shared<Pipe>();
  auto back = std::make_shared<Pipe>();
  return {std::make_unique<SimStream>(executor, seed, back, there),
          std::make_unique<SimStream>(executor, seed + 1, there, back)};
}

}  // namespace ashlar

#include "runtime/event_loop.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include <atomic>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <future>
#include <optional>

#include "base/log.h"
#include "runtime/clock.h"
#include "runtime/loop/cpu_affinity.h"
#include "runtime/loop/event_loop_impl.h"
#include "runtime/network/tcp_stream.h"
#include "runtime/pooled.h"
#include "runtime/sync.h"

namespace ashlar {
namespace {

using boost::asio::ip::tcp;
constexpr auto kSweepInterval = std::chrono::milliseconds(100);

bool RingWanted() {
  const char* choice = std::getenv("ASHLAR_DISK");
  return choice == nullptr || std::string_view(choice) != "blocking";
}

}  // namespace

EventLoop::EventLoop() : work_(io_.get_executor()), sweep_timer_(io_) {
  if (RingWanted()) ring_ = Uring::Create(io_);
}

EventLoop::~EventLoop() = default;

EventLoop* EventLoop::CurrentLoop() { return dynamic_cast<EventLoop*>(Executor::Current()); }

void EventLoop::Start(std::optional<size_t> cpu) {
  sweep_time_ = SystemClock().MonotonicNanoseconds();
  ScheduleSweep();
  thread_ = std::thread([this, cpu] {
    if (cpu) StayOnCpu(*cpu);
    Run();
  });
  pthread_setname_np(thread_.native_handle(), "loop");
}

void EventLoop::Run() {
  SetCurrent(this);
  io_.run();
  SetCurrent(nullptr);
}

void EventLoop::StopAndJoin() {
  work_.reset();
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

void EventLoop::ScheduleSweep() {
  sweep_timer_.expires_after(kSweepInterval);
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    sweep_time_ = SystemClock().MonotonicNanoseconds();
    for (TcpStream* stream : streams_) stream->CheckDeadlines(sweep_time_);
    ScheduleSweep();
  });
}

void EventLoop::Post(std::coroutine_handle<> handle) {
  boost::asio::post(
      io_, boost::asio::bind_allocator(PooledAllocator<char>(), [handle] { handle.resume(); }));
}

void EventLoop::PostFunction(std::function<void()> function) {
  boost::asio::post(io_, std::move(function));
}

void EventLoop::PostAfter(Duration delay, std::coroutine_handle<> handle) {
  PostFunctionAfter(delay, [handle] { handle.resume(); });
}

void EventLoop::PostFunctionAfter(Duration delay, std::function<void()> function) {
  auto timer = std::make_unique<boost::asio::steady_timer>(io_, delay);
  boost::asio::steady_timer& reference = *timer;
  reference.async_wait([timer = std::move(timer),
                        function = std::move(function)](const boost::system::error_code& error) {
    if (!error) function();
  });
}

namespace {

class TcpListener final : public Listener, public std::enable_shared_from_this<TcpListener> {
 public:
  TcpListener(std::vector<std::unique_ptr<EventLoop>>& loops,
              std::function<void(std::unique_ptr<Stream>, Executor&)> on_stream)
      : loops_(loops), acceptor_(loops[0]->io()), on_stream_(std::move(on_stream)) {}
  ~TcpListener() override { SSL_CTX_free(tls_); }

  Status Open(const ListenOptions& options) {
    RETURN_IF_ERROR(OpenTls(options));
    const size_t colon = options.address.rfind(':');
    if (colon == std::string::npos) return BadAddress(options.address);
    std::string host = options.address.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    }
    int port = 0;
    const std::string port_text = options.address.substr(colon + 1);
    if (port_text.empty() || port_text.size() > 5 ||
        port_text.find_first_not_of("0123456789") != std::string::npos ||
        (port = std::stoi(port_text)) > 65535) {
      return BadAddress(options.address);
    }
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    if (error) return BadAddress(options.address);
    const tcp::endpoint endpoint(address, static_cast<uint16_t>(port));
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(options.backlog, error);
    if (error) {
      return {Code::kUnavailable, "cannot listen on " + options.address + ": " + error.message()};
    }
    port_ = acceptor_.local_endpoint(error).port();
    return Status::Ok();
  }

  void StartAccepting() {
    boost::asio::post(loops_[0]->io(), [self = shared_from_this()] { self->AcceptNext(); });
  }

  uint16_t port() const override { return port_; }

  void Stop() override {
    boost::asio::post(loops_[0]->io(), [self = shared_from_this()] {
      boost::system::error_code ignored;
      self->stopped_ = true;
      self->acceptor_.close(ignored);
    });
  }

 private:
  static Status BadAddress(const std::string& address) {
    return {Code::kInvalidArgument,
            "'" + address + "' is not an address to listen on; write it as 127.0.0.1:9000"};
  }

  Status OpenTls(const ListenOptions& options) {
    if (options.tls_certificate_path.empty() && options.tls_key_path.empty()) return Status::Ok();
    tls_ = SSL_CTX_new(TLS_server_method());
    CHECK(tls_ != nullptr);
    SSL_CTX_set_min_proto_version(tls_, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(tls_, options.tls_certificate_path.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_, options.tls_key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls_) != 1) {
      char text[256];
      ERR_error_string_n(ERR_get_error(), text, sizeof(text));
      return {Code::kInvalidArgument, "cannot use the TLS certificate " +
                                          options.tls_certificate_path + " with the key " +
                                          options.tls_key_path + ": " + text};
    }
    return Status::Ok();
  }

  void AcceptNext() {
    if (stopped_) return;
    EventLoop& loop = *loops_[next_loop_++ % loops_.size()];
    acceptor_.async_accept(
        loop.io(), [self = shared_from_this(), &loop](const boost::system::error_code& error,
                                                      tcp::socket socket) {
          if (self->stopped_) return;
          if (error) {
            // Out of descriptors, most likely: give connections time to end.
            spdlog::warn("msg=\"accept failed\" reason={}", LogValue(error.message()));
            self->loops_[0]->PostFunctionAfter(std::chrono::milliseconds(100),
                                               [self] { self->AcceptNext(); });
            return;
          }
          self->Deliver(loop, std::move(socket));
          self->AcceptNext();
        });
  }

  void Deliver(EventLoop& loop, tcp::socket socket) {
    auto shared = std::make_shared<tcp::socket>(std::move(socket));
    boost::asio::post(loop.io(), [self = shared_from_this(), &loop, shared] {
      std::unique_ptr<Stream> stream = std::make_unique<TcpStream>(loop, std::move(*shared));
      if (self->tls_ != nullptr) {
        stream = std::make_unique<TlsStream>(std::move(stream), self->tls_);
      }
      self->on_stream_(std::move(stream), loop);
    });
  }

  std::vector<std::unique_ptr<EventLoop>>& loops_;
  tcp::acceptor acceptor_;
  std::function<void(std::unique_ptr<Stream>, Executor&)> on_stream_;
  SSL_CTX* tls_ = nullptr;
  uint16_t port_ = 0;
  size_t next_loop_ = 0;
  bool stopped_ = false;
};

// Keeps the shared listener alive for its owner.
class ListenerHandle final : public Listener {
 public:
  explicit ListenerHandle(std::shared_ptr<TcpListener> listener) : listener_(std::move(listener)) {}
  ~ListenerHandle() override { listener_->Stop(); }
  uint16_t port() const override { return listener_->port(); }
  void Stop() override { listener_->Stop(); }

 private:
  std::shared_ptr<TcpListener> listener_;
};

}  // namespace

struct EventLoopGroup::Impl {
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::atomic<size_t> next{0};
};

EventLoopGroup::EventLoopGroup(int loops) : impl_(std::make_unique<Impl>()) {
  const bool stay = loops <= 0;
  const size_t count = stay ? ProcessCpuCount() : static_cast<size_t>(loops);
  for (size_t i = 0; i < count; ++i) impl_->loops.push_back(std::make_unique<EventLoop>());
  for (size_t i = 0; i < count; ++i) {
    impl_->loops[i]->Start(stay ? std::optional(i) : std::nullopt);
  }
}

EventLoopGroup::~EventLoopGroup() {
  for (auto& loop : impl_->loops) loop->StopAndJoin();
}

size_t EventLoopGroup::size() const { return impl_->loops.size(); }
Executor& EventLoopGroup::loop(size_t index) { return *impl_->loops.at(index); }
Executor& EventLoopGroup::Next() {
  return *impl_->loops[impl_->next.fetch_add(1) % impl_->loops.size()];
}

Result<std::unique_ptr<Listener>> EventLoopGroup::Listen(
    const ListenOptions& options,
    std::function<void(std::unique_ptr<Stream>, Executor&)> on_stream) {
  auto listener = std::make_shared<TcpListener>(impl_->loops, std::move(on_stream));
  RETURN_IF_ERROR(listener->Open(options));
  listener->StartAccepting();
  std::unique_ptr<Listener> handle = std::make_unique<ListenerHandle>(std::move(listener));
  return handle;
}

void EventLoopGroup::RunToCompletion(Task<void> task) {
  CHECK(Executor::Current() == nullptr);
  std::promise<void> done;
  auto run = [](Task<void> inner, std::promise<void>* finished) -> internal::FireAndForget {
    {
      const Task<void> owned = std::move(inner);
      co_await owned;
    }
    finished->set_value();
  };
  loop(0).PostFunction([&] { run(std::move(task), &done); });
  done.get_future().wait();
}

}  // namespace ashlar

#include "runtime/network/tcp_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_allocator.hpp>

#include "runtime/loop/event_loop_impl.h"
#include "runtime/pooled.h"

namespace ashlar {
namespace {

constexpr size_t kPartsAtOnceMax = 64;
constexpr size_t kTlsRecordBytes = 16 * 1024;
constexpr int64_t kSweepGraceNanoseconds = 100'000'000;

Status SocketError(const boost::system::error_code& error) {
  return {Code::kCancelled, "connection: " + error.message()};
}

}  // namespace

struct TcpStream::Wait {
  boost::asio::ip::tcp::socket& socket;
  boost::asio::ip::tcp::socket::wait_type type;
  boost::system::error_code error;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    socket.async_wait(
        type, boost::asio::bind_allocator(PooledAllocator<char>(),
                                          [this, waiter](const boost::system::error_code& result) {
                                            error = result;
                                            waiter.resume();
                                          }));
  }
  void await_resume() const noexcept {}
};

TcpStream::TcpStream(EventLoop& loop, boost::asio::ip::tcp::socket socket)
    : loop_(loop), socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  const auto endpoint = socket_.remote_endpoint(ignored);
  peer_ = ignored ? "unknown" : endpoint.address().to_string();
  loop_.Watch(this);
}

TcpStream::~TcpStream() { loop_.Unwatch(this); }

int64_t TcpStream::Deadline() const {
  if (timeout_.count() == 0) return 0;
  return loop_.sweep_time() + timeout_.count() + kSweepGraceNanoseconds;
}

void TcpStream::CheckDeadlines(int64_t now) {
  const bool read_late = read_deadline_ != 0 && read_deadline_ < now;
  const bool write_late = write_deadline_ != 0 && write_deadline_ < now;
  if (!read_late && !write_late) return;
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

Task<Result<size_t>> TcpStream::ReadSome(MutableByteSpan out) {
  while (true) {
    if (aborted_) co_return Status(Code::kCancelled, "connection was aborted");
    boost::system::error_code error;
    const size_t count = socket_.read_some(boost::asio::buffer(out.data(), out.size()), error);
    if (!error) co_return count;
    if (error == boost::asio::error::eof) co_return size_t{0};
    if (error != boost::asio::error::would_block) co_return SocketError(error);
    Wait wait{socket_, boost::asio::ip::tcp::socket::wait_read, {}};
    timed_out_ = false;
    read_deadline_ = Deadline();
    co_await wait;
    read_deadline_ = 0;
    if (timed_out_) co_return Status(Code::kDeadlineExceeded, "the peer sent nothing in time");
    if (wait.error) co_return SocketError(wait.error);
  }
}

Task<Status> TcpStream::Write(std::span<const ByteSpan> parts) {
  std::array<boost::asio::const_buffer, kPartsAtOnceMax> buffers;
  size_t first = 0;
  size_t offset = 0;  // into parts[first]
  while (true) {
    size_t count = 0;
    for (size_t i = first; i < parts.size() && count < kPartsAtOnceMax; ++i) {
      const ByteSpan part = i == first ? parts[i].subspan(offset) : parts[i];
      if (!part.empty()) buffers[count++] = boost::asio::const_buffer(part.data(), part.size());
    }
    if (count == 0) co_return Status::Ok();
    if (aborted_) co_return Status(Code::kCancelled, "connection was aborted");
    boost::system::error_code error;
    size_t sent = socket_.write_some(std::span(buffers.data(), count), error);
    if (error == boost::asio::error::would_block) {
      Wait wait{socket_, boost::asio::ip::tcp::socket::wait_write, {}};
      timed_out_ = false;
      write_deadline_ = Deadline();
      co_await wait;
      write_deadline_ = 0;
      if (timed_out_) co_return Status(Code::kDeadlineExceeded, "the peer took nothing in time");
      if (wait.error) co_return SocketError(wait.error);
      continue;
    }
    if (error) co_return SocketError(error);
    while (first < parts.size() && sent >= parts[first].size() - offset) {
      sent -= parts[first].size() - offset;
      offset = 0;
      ++first;
    }
    offset += sent;
  }
}

Task<void> TcpStream::CloseWrite() {
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  co_return;
}

void TcpStream::Abort() {
  aborted_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
}

TlsStream::TlsStream(std::unique_ptr<Stream> inner, SSL_CTX* context)
    : inner_(std::move(inner)), ssl_(SSL_new(context)), wire_in_(kTlsRecordBytes + 512, '\0') {
  CHECK(ssl_ != nullptr);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

Task<Status> TlsStream::Flush() {
  if (flushing_) co_return Status::Ok();  // the one at work takes ours along
  flushing_ = true;
  Status status;
  while (status.ok()) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &data);  // NOLINT: OpenSSL's type
    if (size <= 0) break;
    // Copied: OpenSSL may append to the same memory while we wait.
    const std::string wire(data, static_cast<size_t>(size));
    (void)BIO_reset(SSL_get_wbio(ssl_));
    const ByteSpan part = AsBytes(wire);
    status = co_await inner_->Write(std::span<const ByteSpan>(&part, 1));
  }
  flushing_ = false;
  co_return status;
}

Task<Result<size_t>> TlsStream::Feed() {
  const MutableByteSpan space(reinterpret_cast<uint8_t*>(wire_in_.data()), wire_in_.size());
  CO_ASSIGN_OR_RETURN(const size_t count, co_await inner_->ReadSome(space));
  if (count > 0) {
    CHECK(BIO_write(SSL_get_rbio(ssl_), wire_in_.data(), static_cast<int>(count)) ==
          static_cast<int>(count));
  }
  co_return count;
}

Task<Result<size_t>> TlsStream::ReadSome(MutableByteSpan out) {
  while (true) {
    ERR_clear_error();
    const int size = static_cast<int>(std::min<size_t>(out.size(), 1 << 30));
    const int count = SSL_read(ssl_, out.data(), size);
    const int error = count > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_, count);
    CO_RETURN_IF_ERROR(co_await Flush());
    if (count > 0) co_return static_cast<size_t>(count);
    if (error == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
    if (error != SSL_ERROR_WANT_READ) co_return Status(Code::kCancelled, "TLS failed");
    CO_ASSIGN_OR_RETURN(const size_t fed, co_await Feed());
    // A peer that ends without a TLS goodbye may have been cut off: never a clean end of a body.
    if (fed == 0) co_return Status(Code::kCancelled, "connection ended inside of TLS");
  }
}

Task<Status> TlsStream::Write(std::span<const ByteSpan> parts) {
  for (const ByteSpan part : parts) {
    ByteSpan rest = part;
    while (!rest.empty()) {
      ERR_clear_error();
      // Some records at a time, so that what OpenSSL holds for us stays small.
      const int size = static_cast<int>(std::min<size_t>(rest.size(), 4 * kTlsRecordBytes));
      const int count = SSL_write(ssl_, rest.data(), size);
      const int error = count > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_, count);
      CO_RETURN_IF_ERROR(co_await Flush());
      if (count > 0) {
        rest = rest.subspan(static_cast<size_t>(count));
        continue;
      }
      if (error != SSL_ERROR_WANT_READ) co_return Status(Code::kCancelled, "TLS failed");
      CO_ASSIGN_OR_RETURN(const size_t fed, co_await Feed());
      if (fed == 0) co_return Status(Code::kCancelled, "connection ended inside of TLS");
    }
  }
  co_return Status::Ok();
}

Task<void> TlsStream::CloseWrite() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_)) (void)SSL_shutdown(ssl_);
  (void)co_await Flush();
  co_await inner_->CloseWrite();
}

}  // namespace ashlar

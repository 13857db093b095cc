// TcpStream and TlsStream: the production adapters of Stream. Private to runtime.
#pragma once

#include <openssl/types.h>

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "runtime/network.h"

namespace ashlar {

class EventLoop;

// Lives on its loop. Timeouts are coarse: the loop's sweep looks at the deadlines about ten times a
// second, so that an operation costs no timer of its own.
class TcpStream final : public Stream {
 public:
  TcpStream(EventLoop& loop, boost::asio::ip::tcp::socket socket);
  ~TcpStream() override;

  Task<Result<size_t>> ReadSome(MutableByteSpan out) override;
  Task<Status> Write(std::span<const ByteSpan> parts) override;
  Task<void> CloseWrite() override;
  void Abort() override;
  void SetTimeout(Duration timeout) override { timeout_ = timeout; }
  std::string PeerAddress() const override { return peer_; }
  bool IsTls() const override { return false; }

  // Called by the loop's sweep.
  void CheckDeadlines(int64_t now);

 private:
  struct Wait;
  int64_t Deadline() const;

  EventLoop& loop_;
  boost::asio::ip::tcp::socket socket_;
  std::string peer_;
  Duration timeout_{};
  int64_t read_deadline_ = 0;  // 0: none
  int64_t write_deadline_ = 0;
  bool timed_out_ = false;
  bool aborted_ = false;
};

// TLS over any stream, with OpenSSL's memory buffers in between. The handshake happens on the first
// read or write.
class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Stream> inner, SSL_CTX* context);
  ~TlsStream() override;

  Task<Result<size_t>> ReadSome(MutableByteSpan out) override;
  Task<Status> Write(std::span<const ByteSpan> parts) override;
  Task<void> CloseWrite() override;
  void Abort() override { inner_->Abort(); }
  void SetTimeout(Duration timeout) override { inner_->SetTimeout(timeout); }
  std::string PeerAddress() const override { return inner_->PeerAddress(); }
  bool IsTls() const override { return true; }

 private:
  // Sends what OpenSSL has produced.
  Task<Status> Flush();
  // Feeds OpenSSL from the wire; 0 at the end of the stream.
  Task<Result<size_t>> Feed();

  std::unique_ptr<Stream> inner_;
  SSL* ssl_;
  bool flushing_ = false;
  std::string wire_in_;
};

}  // namespace ashlar

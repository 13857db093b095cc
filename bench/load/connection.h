// One non-blocking byte stream to the endpoint, plain TCP or TLS, that reconnects on demand.
#pragma once

#include <netdb.h>
#include <openssl/ssl.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>

#include "load/request.h"

namespace ashlar::bench {

// The resolved address and the TLS set-up, shared by all connections; immutable once made.
class Dialer {
 public:
  struct TlsOptions {
    bool verify = true;
    std::string ca_file;  // empty: the system's
  };

  // Empty with *error set when the name does not resolve or the CA file cannot be read.
  static std::unique_ptr<Dialer> Make(const Endpoint& endpoint, const TlsOptions& options,
                                      std::string* error);

  const addrinfo* address() const { return addresses_.get(); }
  SSL_CTX* tls() const { return tls_.get(); }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
  };
  struct FreeTls {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  Endpoint endpoint_;
  std::unique_ptr<addrinfo, FreeAddresses> addresses_;
  std::unique_ptr<SSL_CTX, FreeTls> tls_;
};

// What a transfer led to: more than zero is bytes moved.
inline constexpr ssize_t kWouldBlock = -1;
inline constexpr ssize_t kFailed = -2;  // see Stream::error()
inline constexpr ssize_t kClosed = 0;   // by the peer, in good order

// Not thread-safe. Meant for edge-triggered epoll: a caller tries until kWouldBlock.
class Stream {
 public:
  explicit Stream(const Dialer* dialer) : dialer_(dialer) {}
  ~Stream() { Close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Starts to connect; the handshakes proceed inside Send. False on an immediate failure.
  bool Open();
  void Close();
  bool open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::string& error() const { return error_; }

  ssize_t Send(const iovec* vectors, int count);
  ssize_t Receive(char* buffer, size_t capacity);
  // Takes bytes out of the stream without giving them to anybody: over plain TCP the kernel drops
  // them uncopied, over TLS they go through `scratch`.
  ssize_t Discard(size_t limit, char* scratch, size_t scratch_bytes);

 private:
  bool Fail(const std::string& what);
  ssize_t TlsResult(int result);

  const Dialer* dialer_;
  int fd_ = -1;
  SSL* tls_ = nullptr;
  std::string error_;
};

}  // namespace ashlar::bench

#include "load/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ashlar::bench {
namespace {

std::string TlsErrorText() {
  const unsigned long code = ERR_get_error();
  if (code == 0) return "TLS connection broken";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

}  // namespace

std::unique_ptr<Dialer> Dialer::Make(const Endpoint& endpoint, const TlsOptions& options,
                                     std::string* error) {
  auto dialer = std::make_unique<Dialer>();
  dialer->endpoint_ = endpoint;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &list);
  if (code != 0) {
    *error = "cannot resolve " + endpoint.host + ": " + gai_strerror(code);
    return nullptr;
  }
  dialer->addresses_.reset(list);
  if (!endpoint.tls) return dialer;

  SSL_CTX* tls = SSL_CTX_new(TLS_client_method());
  dialer->tls_.reset(tls);
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!options.verify) return dialer;
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  const bool loaded = options.ca_file.empty() ? SSL_CTX_set_default_verify_paths(tls) == 1
                                              : SSL_CTX_load_verify_locations(
                                                    tls, options.ca_file.c_str(), nullptr) == 1;
  if (!loaded) {
    *error = "cannot load the certificates to trust: " + TlsErrorText();
    return nullptr;
  }
  return dialer;
}

bool Stream::Fail(const std::string& what) {
  error_ = what;
  Close();
  return false;
}

bool Stream::Open() {
  Close();
  error_.clear();
  const addrinfo* address = dialer_->address();
  fd_ = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Fail(std::string("socket: ") + std::strerror(errno));
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (connect(fd_, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
    return Fail(std::string("connect: ") + std::strerror(errno));
  }
  if (!dialer_->endpoint().tls) return true;
  const std::string& host = dialer_->endpoint().host;
  tls_ = SSL_new(dialer_->tls());
  SSL_set_fd(tls_, fd_);
  SSL_set_connect_state(tls_);
  std::array<unsigned char, sizeof(in6_addr)> address_bytes;
  X509_VERIFY_PARAM* parameters = SSL_get0_param(tls_);
  const bool numeric = inet_pton(AF_INET, host.c_str(), address_bytes.data()) == 1 ||
                       inet_pton(AF_INET6, host.c_str(), address_bytes.data()) == 1;
  if (numeric) {
    X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str());
  } else {
    SSL_set_tlsext_host_name(tls_, host.c_str());
    X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
  }
  return true;
}

void Stream::Close() {
  if (tls_ != nullptr) SSL_free(tls_);
  tls_ = nullptr;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

ssize_t Stream::TlsResult(int result) {
  if (result > 0) return result;
  const int code = SSL_get_error(tls_, result);
  if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return kWouldBlock;
  if (code == SSL_ERROR_ZERO_RETURN) return kClosed;
  // The first failure is the cause; OpenSSL has no text for those that follow it.
  if (!error_.empty()) return kFailed;
  const long verdict = SSL_get_verify_result(tls_);
  error_ = verdict == X509_V_OK
               ? TlsErrorText()
               : std::string("certificate: ") + X509_verify_cert_error_string(verdict);
  return kFailed;
}

ssize_t Stream::Send(const iovec* vectors, int count) {
  if (tls_ != nullptr) {
    // Small pieces are joined so that head and body of a small PUT share one TLS record.
    std::array<char, 16 << 10> joined;
    size_t used = 0;
    for (int i = 0; i < count && used < joined.size(); ++i) {
      const size_t take = std::min(vectors[i].iov_len, joined.size() - used);
      std::memcpy(joined.data() + used, vectors[i].iov_base, take);
      used += take;
    }
    return TlsResult(SSL_write(tls_, joined.data(), static_cast<int>(used)));
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(vectors);
  message.msg_iovlen = static_cast<size_t>(count);
  const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  if (errno == EAGAIN || errno == EINTR) return kWouldBlock;
  error_ = std::string("send: ") + std::strerror(errno);
  return kFailed;
}

ssize_t Stream::Receive(char* buffer, size_t capacity) {
  if (tls_ != nullptr) return TlsResult(SSL_read(tls_, buffer, static_cast<int>(capacity)));
  const ssize_t got = recv(fd_, buffer, capacity, 0);
  if (got >= 0) return got;
  if (errno == EAGAIN || errno == EINTR) return kWouldBlock;
  error_ = std::string("receive: ") + std::strerror(errno);
  return kFailed;
}

ssize_t Stream::Discard(size_t limit, char* scratch, size_t scratch_bytes) {
  if (tls_ != nullptr) return Receive(scratch, std::min(limit, scratch_bytes));
  // tcp(7): MSG_TRUNC on a TCP socket discards the data instead of copying it, so no buffer is
  // given. Called directly because the C library's recv, under sanitizers, takes `limit` for a
  // buffer's size.
  const ssize_t got = syscall(SYS_recvfrom, fd_, nullptr, limit, MSG_TRUNC, nullptr, nullptr);
  if (got >= 0) return got;
  if (errno == EAGAIN || errno == EINTR) return kWouldBlock;
  error_ = std::string("receive: ") + std::strerror(errno);
  return kFailed;
}

}  // namespace ashlar::bench

// Network: byte streams as a port. Production: TCP and TLS on Boost.Asio.
//
// A Stream belongs to the executor it was accepted on; one read and one write may be in flight at
// the same time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar {

class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte; 0 means the peer closed its side. kDeadlineExceeded after the read timeout.
  virtual Task<Result<size_t>> ReadSome(MutableByteSpan out) = 0;
  // All parts, in order. kDeadlineExceeded when the peer took nothing for the write timeout.
  virtual Task<Status> Write(std::span<const ByteSpan> parts) = 0;
  // Sends what TLS needs, then shuts down the sending side.
  virtual Task<void> CloseWrite() = 0;
  // Ends both directions; pending calls come back with kCancelled.
  virtual void Abort() = 0;
  // Applies to every following call. Zero: no limit.
  virtual void SetTimeout(Duration timeout) = 0;
  virtual std::string PeerAddress() const = 0;
  virtual bool IsTls() const = 0;
};

struct ListenOptions {
  std::string address;               // "127.0.0.1:9000", "[::1]:9000"; port 0 picks one
  std::string tls_certificate_path;  // both empty: plain TCP
  std::string tls_key_path;
  int backlog = 1024;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual uint16_t port() const = 0;
  // Stops accepting; streams already accepted live on.
  virtual void Stop() = 0;
};

}  // namespace ashlar

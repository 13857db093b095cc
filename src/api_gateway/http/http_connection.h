// HttpConnection: the life of one connection. Requests one after the other until one side has
// enough, then an end that lets the client read the last answer.
//
// Everything happens on the connection's executor. Also driven directly by tests and the fuzzer,
// over a stream in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api_gateway/http/connection_exchange.h"
#include "api_gateway/http/head_parser.h"
#include "api_gateway/http/http_shard.h"
#include "api_gateway/http/wire_body.h"

namespace ashlar::api_gateway {

class HttpConnection {
 public:
  HttpConnection(std::unique_ptr<Stream> stream, HttpShard& shard);

  // One of the two, once.
  Task<void> Run();
  // Answers `error` without reading anything, and closes.
  Task<void> Refuse(S3Error error);

  // While Run or Refuse is pending:
  void BeginShutdown();
  void Abort();
  void AbortIfOverdue(int64_t now);

 private:
  enum class HeadResult { kComplete, kClosed, kRefused };
  // Waits for a head. Complete: its size is in head_size_. Refused: why is in refusal_.
  Task<HeadResult> ReadHead();
  // Whether another request may follow.
  Task<bool> ServeOne();
  Task<void> Close();

  std::unique_ptr<Stream> stream_;
  HttpShard& shard_;
  const std::string peer_;
  WireInput input_;
  size_t head_size_ = 0;
  std::optional<S3Error> refusal_;
  bool idle_ = false;
  bool aborted_ = false;
};

}  // namespace ashlar::api_gateway

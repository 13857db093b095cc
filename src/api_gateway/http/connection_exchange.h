// ConnectionExchange: HttpExchange over a connection's stream, for one request.
//
// 1. A response without a body, or with one known as a whole, is one write. A streamed response
//    sends its head together with the first bytes of its body.
// 2. `close` is decided when the head is made: the client reads there whether the connection lives.
// 3. Once anything failed (reading, framing, writing) the connection is not reused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/http/head_parser.h"
#include "api_gateway/http/http_exchange.h"
#include "api_gateway/http/http_shard.h"
#include "api_gateway/http/request_log.h"
#include "api_gateway/http/wire_body.h"

namespace ashlar::api_gateway {

class ConnectionExchange final : public HttpExchange {
 public:
  ConnectionExchange(Stream& stream, WireInput& input, HttpShard& shard, std::string_view peer);
  ~ConnectionExchange() override;

  // First one of these two. Parses a head as HeadScanner delimited it; the error has to be answered
  // by Refuse.
  std::optional<S3Error> Parse(std::string_view head);
  // Answers an error before any handler and closes.
  Task<void> Refuse(S3Error error, bool close);
  // After the handler: an answer if there is none, log and metrics, what is left of the body.
  Task<void> Finish();

  bool reusable() const { return !close_ && !broken_; }
  // The stream is of no more use, not even for a polite goodbye.
  bool broken() const { return broken_; }

  const HttpRequest& request() const override { return request_; }
  HttpRequest& mutable_request() override { return request_; }
  std::string_view request_id() const override { return request_id_; }
  const std::string& host_id() const override { return shard_.state().host_id; }
  std::optional<uint64_t> content_length() const override;
  bool has_transfer_encoding() const override { return framing_.chunked; }
  Task<Result<size_t>> ReadBody(MutableByteSpan out) override;
  const std::shared_ptr<HashBundler>& hash_bundler() override { return shard_.hash_bundler(); }
  Task<Status> Respond(ResponseHead head, std::string body) override;
  Task<Status> StartResponse(ResponseHead head, uint64_t content_length) override;
  Task<Status> SendBody(std::span<const ByteSpan> parts) override;
  void BreakResponse() override;
  bool response_started() const override { return started_; }
  void AddResponseHeaders(ResponseHeaders headers) override;
  void Annotate(std::string_view operation, std::string_view bucket, std::string_view key) override;
  void AnnotateError(std::string_view code) override { record_.error = code; }

 private:
  // Makes head_text_ from `head`, or from a 500 when its headers must not be sent (then false).
  bool MakeHead(ResponseHead& head, uint64_t content_length);
  bool MustClose() const;
  Task<Status> Send(std::span<const ByteSpan> parts);
  Task<void> DrainBody();

  Stream& stream_;
  WireInput& input_;
  HttpShard& shard_;
  HttpRequest request_;
  const PooledString request_id_;
  Framing framing_;
  std::optional<WireBody> body_;
  RequestRecord record_;
  int64_t started_at_;
  ResponseHeaders added_headers_;
  PooledString head_text_;      // made and not sent yet
  uint64_t response_left_ = 0;  // bytes of the body still to be sent
  bool continue_pending_ = false;
  bool started_ = false;
  bool close_ = false;
  bool broken_ = false;
};

}  // namespace ashlar::api_gateway

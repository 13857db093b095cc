#include "api_gateway/http/connection_exchange.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "api_gateway/http/response_head.h"
#include "base/log.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr size_t kPartsAtOnceMax = 16;
constexpr size_t kDrainBufferBytes = 16 * 1024;

ResponseHead ErrorHead(const S3Error& error) {
  ResponseHead head;
  head.status = error.http_status;
  head.Add("Content-Type", "application/xml");
  return head;
}

}  // namespace

ConnectionExchange::ConnectionExchange(Stream& stream, WireInput& input, HttpShard& shard,
                                       std::string_view peer)
    : stream_(stream),
      input_(input),
      shard_(shard),
      request_id_(shard.state().NewRequestId()),
      started_at_(shard.clock().MonotonicNanoseconds()) {
  request_.peer = peer;
  request_.tls = stream.IsTls();
  shard_.CountInFlight(1);
}

ConnectionExchange::~ConnectionExchange() { shard_.CountInFlight(-1); }

std::optional<S3Error> ConnectionExchange::Parse(std::string_view head) {
  if (auto error = ParseHead(head, &request_, &framing_)) return error;
  const HttpServerOptions& options = shard_.options();
  const WireBody::Limits limits{options.body_window, options.body_bytes_per_second_min};
  body_.emplace(input_, shard_.clock(), limits, framing_);
  continue_pending_ = framing_.expects_continue;
  return std::nullopt;
}

Task<void> ConnectionExchange::Refuse(S3Error error, bool close) {
  shard_.CountRefusal(S3CodeName(error.code));
  close_ = close_ || close;
  record_.error = S3CodeName(error.code);
  std::string body = RenderErrorXml(error, {}, request_id_, host_id());
  ResponseHead head = ErrorHead(error);
  (void)co_await Respond(std::move(head), std::move(body));
  co_await Finish();
}

std::optional<uint64_t> ConnectionExchange::content_length() const {
  if (framing_.chunked) return std::nullopt;
  return framing_.content_length;
}

Task<Result<size_t>> ConnectionExchange::ReadBody(MutableByteSpan out) {
  CHECK(body_.has_value());
  if (continue_pending_) {
    // After a final answer the client was free not to send the body at all.
    if (started_) co_return Status(Code::kCancelled, "the body was never asked for");
    continue_pending_ = false;
    const ByteSpan part = AsBytes(kContinue);
    CO_RETURN_IF_ERROR(co_await Send(std::span<const ByteSpan>(&part, 1)));
  }
  Result<size_t> count = co_await body_->Read(out, shard_.options().body_window);
  co_return count;
}

bool ConnectionExchange::MustClose() const {
  if (close_ || broken_ || !framing_.keep_alive || shard_.stopping()) return true;
  if (continue_pending_ || !body_->failure().ok()) return true;
  const auto left = body_->bytes_left();
  return left.has_value() && *left > shard_.options().drain_bytes_max;
}

void ConnectionExchange::AddResponseHeaders(ResponseHeaders headers) {
  CHECK(!started_);
  std::move(headers.begin(), headers.end(), std::back_inserter(added_headers_));
}

bool ConnectionExchange::MakeHead(ResponseHead& head, uint64_t content_length) {
  CHECK(!started_);
  started_ = true;
  std::move(added_headers_.begin(), added_headers_.end(), std::back_inserter(head.headers));
  close_ = MustClose();
  record_.status = head.status;
  ResponseFrame frame;
  frame.date = shard_.Date();
  frame.request_id = request_id_;
  frame.host_id = shard_.state().host_id;
  frame.content_length = content_length;
  frame.close = close_;
  if (AppendResponseHead(head, frame, &head_text_)) {
    const bool has_body = StatusHasBody(head.status) && request_.method != "HEAD";
    response_left_ = has_body ? content_length : 0;
    return true;
  }
  spdlog::error("msg=\"response head refused\" request_id={} operation={} status={}", request_id_,
                LogValue(record_.operation), head.status);
  ResponseHead plain;
  plain.status = 500;
  record_.status = 500;
  record_.error = S3CodeName(S3Code::kInternalError);
  frame.content_length = 0;
  frame.close = close_ = true;
  CHECK(AppendResponseHead(plain, frame, &head_text_));
  response_left_ = 0;
  return false;
}

Task<Status> ConnectionExchange::Send(std::span<const ByteSpan> parts) {
  if (broken_) co_return Status(Code::kCancelled, "the connection is broken");
  stream_.SetTimeout(shard_.options().write_timeout);
  Status status = co_await stream_.Write(parts);
  if (!status.ok()) broken_ = true;
  co_return status;
}

Task<Status> ConnectionExchange::Respond(ResponseHead head, std::string body) {
  const bool made = MakeHead(head, body.size());
  std::array<ByteSpan, 2> parts = {AsBytes(head_text_), AsBytes(body)};
  const size_t count = response_left_ > 0 ? 2 : 1;
  Status status = co_await Send(std::span<const ByteSpan>(parts.data(), count));
  head_text_.clear();
  if (status.ok()) record_.bytes_out += response_left_;
  response_left_ = 0;
  if (status.ok() && !made) co_return Status(Code::kInternal, "the response head was refused");
  co_return status;
}

Task<Status> ConnectionExchange::StartResponse(ResponseHead head, uint64_t content_length) {
  const bool made = MakeHead(head, content_length);
  if (response_left_ > 0) co_return Status::Ok();  // goes along with the first bytes
  const ByteSpan part = AsBytes(head_text_);
  Status status = co_await Send(std::span<const ByteSpan>(&part, 1));
  head_text_.clear();
  if (status.ok() && !made) co_return Status(Code::kInternal, "the response head was refused");
  co_return status;
}

Task<Status> ConnectionExchange::SendBody(std::span<const ByteSpan> parts) {
  CHECK(started_);
  while (!parts.empty() || !head_text_.empty()) {
    std::array<ByteSpan, kPartsAtOnceMax + 1> batch;
    size_t count = 0;
    uint64_t bytes = 0;
    if (!head_text_.empty()) batch[count++] = AsBytes(head_text_);
    const size_t taken = std::min(parts.size(), kPartsAtOnceMax);
    for (const ByteSpan part : parts.first(taken)) {
      batch[count++] = part;
      bytes += part.size();
    }
    parts = parts.subspan(taken);
    // More than was announced would be read as the next response.
    CHECK(bytes <= response_left_);
    CO_RETURN_IF_ERROR(co_await Send(std::span<const ByteSpan>(batch.data(), count)));
    head_text_.clear();
    response_left_ -= bytes;
    record_.bytes_out += bytes;
  }
  co_return Status::Ok();
}

void ConnectionExchange::BreakResponse() { broken_ = true; }

void ConnectionExchange::Annotate(std::string_view operation, std::string_view bucket,
                                  std::string_view key) {
  record_.operation = operation;
  record_.bucket = bucket;
  record_.key = key;
}

Task<void> ConnectionExchange::Finish() {
  if (!started_ && !broken_) {
    spdlog::error("msg=\"a handler gave no response\" request_id={} operation={}", request_id_,
                  LogValue(record_.operation));
    const S3Error error(S3Code::kInternalError);
    record_.error = S3CodeName(error.code);
    close_ = true;
    std::string body = RenderErrorXml(error, {}, request_id_, host_id());
    ResponseHead head = ErrorHead(error);
    (void)co_await Respond(std::move(head), std::move(body));
  }
  if (response_left_ > 0 || !head_text_.empty()) broken_ = true;
  record_.request_id = request_id_;
  record_.peer = request_.peer;
  record_.method = request_.method;
  if (body_.has_value()) record_.bytes_in = body_->bytes_read();
  record_.duration_ns = shard_.clock().MonotonicNanoseconds() - started_at_;
  shard_.Record(record_);
  if (reusable() && body_.has_value() && !body_->at_end()) co_await DrainBody();
}

Task<void> ConnectionExchange::DrainBody() {
  const HttpServerOptions& options = shard_.options();
  const int64_t until = shard_.clock().MonotonicNanoseconds() + options.drain_timeout.count();
  std::vector<uint8_t> buffer(kDrainBufferBytes);
  uint64_t drained = 0;
  while (!body_->at_end()) {
    const Duration left(until - shard_.clock().MonotonicNanoseconds());
    if (left.count() <= 0 || drained > options.drain_bytes_max) break;
    const Result<size_t> count = co_await body_->Read(buffer, left);
    if (!count.ok()) break;
    drained += *count;
  }
  if (!body_->at_end()) close_ = true;
}

}  // namespace ashlar::api_gateway

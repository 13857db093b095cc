#include "api_gateway/http/http_connection.h"

#include <vector>

namespace ashlar::api_gateway {
namespace {

constexpr size_t kLingerBufferBytes = 64 * 1024;
constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

HttpConnection::HttpConnection(std::unique_ptr<Stream> stream, HttpShard& shard)
    : stream_(std::move(stream)),
      shard_(shard),
      peer_(stream_->PeerAddress()),
      input_(*stream_, shard.clock()) {}

Task<void> HttpConnection::Run() {
  bool more = true;
  while (more) more = co_await ServeOne();
  co_await Close();
}

Task<void> HttpConnection::Refuse(S3Error error) {
  {
    ConnectionExchange exchange(*stream_, input_, shard_, peer_);
    co_await exchange.Refuse(std::move(error), true);
    if (exchange.broken()) Abort();
  }
  co_await Close();
}

void HttpConnection::BeginShutdown() {
  if (idle_) Abort();
}

void HttpConnection::Abort() {
  aborted_ = true;
  stream_->Abort();
}

void HttpConnection::AbortIfOverdue(int64_t now) {
  if (input_.overdue_at() != 0 && now > input_.overdue_at()) Abort();
}

Task<HttpConnection::HeadResult> HttpConnection::ReadHead() {
  HeadScanner scanner;
  int64_t deadline = 0;
  bool line_end_skipped = false;
  while (!aborted_) {
    // Old clients send an empty line behind a body.
    if (!line_end_skipped && input_.buffered().starts_with(kLineEnd)) {
      input_.Consume(kLineEnd.size());
      line_end_skipped = true;
    }
    const std::string_view ready = input_.buffered();
    if (ready != kLineEnd.substr(0, 1) || line_end_skipped) {
      S3Result<std::optional<size_t>> scanned = scanner.Scan(ready);
      if (!scanned.ok()) {
        refusal_ = scanned.error();
        co_return HeadResult::kRefused;
      }
      if ((*scanned).has_value()) {
        head_size_ = **scanned;
        co_return HeadResult::kComplete;
      }
    }
    idle_ = ready.empty();
    if (idle_ && shard_.stopping()) co_return HeadResult::kClosed;
    const int64_t now = shard_.clock().MonotonicNanoseconds();
    if (!idle_ && deadline == 0) deadline = now + shard_.options().head_timeout.count();
    if (idle_) input_.Shrink();
    const Duration timeout = idle_ ? shard_.options().idle_timeout : Duration(deadline - now);
    Result<size_t> count(size_t{0});
    if (timeout.count() > 0) {
      count = co_await input_.Fill(timeout);
    } else {
      count = Status(Code::kDeadlineExceeded, "the head came too slowly");
    }
    const bool was_idle = idle_;
    idle_ = false;
    if (!count.ok() && count.code() == Code::kDeadlineExceeded && !was_idle) {
      refusal_ = S3Error(S3Code::kRequestTimeout);
      co_return HeadResult::kRefused;
    }
    if (!count.ok() || *count == 0) co_return HeadResult::kClosed;
  }
  co_return HeadResult::kClosed;
}

Task<bool> HttpConnection::ServeOne() {
  const HeadResult result = co_await ReadHead();
  if (result == HeadResult::kClosed) co_return false;
  ConnectionExchange exchange(*stream_, input_, shard_, peer_);
  if (result == HeadResult::kRefused) {
    co_await exchange.Refuse(std::move(*refusal_), true);
    if (exchange.broken()) Abort();
    co_return false;
  }
  std::optional<S3Error> error = exchange.Parse(input_.buffered().substr(0, head_size_));
  input_.Consume(head_size_);
  if (error.has_value()) {
    co_await exchange.Refuse(std::move(*error), true);
  } else if (!ParseTarget(&exchange.mutable_request()).ok()) {
    // The message is sound, only its target is not: the connection may go on.
    S3Error invalid(S3Code::kInvalidUri);
    co_await exchange.Refuse(std::move(invalid), false);
  } else {
    co_await shard_.state().handler(exchange);
    co_await exchange.Finish();
  }
  if (exchange.broken()) Abort();
  co_return exchange.reusable();
}

// A client that is still sending would get a reset, and might never see the answer, if we just
// closed.
Task<void> HttpConnection::Close() {
  if (aborted_) co_return;
  stream_->SetTimeout(shard_.options().linger_timeout);
  co_await stream_->CloseWrite();
  const int64_t until =
      shard_.clock().MonotonicNanoseconds() + shard_.options().linger_timeout.count();
  std::vector<uint8_t> buffer;
  uint64_t discarded = 0;
  input_.Consume(input_.buffered().size());
  while (!aborted_ && discarded < shard_.options().linger_bytes_max) {
    const Duration left(until - shard_.clock().MonotonicNanoseconds());
    if (left.count() <= 0) break;
    if (buffer.empty()) buffer.resize(kLingerBufferBytes);
    const Result<size_t> count = co_await input_.ReadDirect(buffer, left);
    if (!count.ok() || *count == 0) break;
    discarded += *count;
  }
}

}  // namespace ashlar::api_gateway

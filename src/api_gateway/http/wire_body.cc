#include "api_gateway/http/wire_body.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace ashlar::api_gateway {
namespace {

constexpr size_t kBufferBytes = 8 * 1024;
constexpr size_t kBufferBytesMax = kHeadBytesMax + 1;
// Beyond the stream's own timeout, which is coarse.
constexpr int64_t kOverdueGraceNanoseconds = 2'000'000'000;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

std::string_view WireInput::buffered() const {
  return AsText(ByteSpan(memory_).subspan(begin_, end_ - begin_));
}

void WireInput::Consume(size_t count) {
  CHECK(count <= end_ - begin_);
  begin_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

void WireInput::Shrink() {
  if (end_ == begin_ && memory_.size() > kBufferBytes) {
    memory_ = std::vector<uint8_t>();
  }
}

Task<Result<size_t>> WireInput::Fill(Duration timeout) {
  if (end_ == memory_.size()) {
    if (begin_ > 0) {
      std::memmove(memory_.data(), memory_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else {
      CHECK(memory_.size() < kBufferBytesMax);
      memory_.resize(std::clamp(2 * memory_.size(), kBufferBytes, kBufferBytesMax));
    }
  }
  const MutableByteSpan space = MutableByteSpan(memory_).subspan(end_);
  stream_.SetTimeout(timeout);
  overdue_at_ = clock_.MonotonicNanoseconds() + timeout.count() + kOverdueGraceNanoseconds;
  Result<size_t> count = co_await stream_.ReadSome(space);
  overdue_at_ = 0;
  if (count.ok()) end_ += *count;
  co_return count;
}

Task<Result<size_t>> WireInput::ReadDirect(MutableByteSpan out, Duration timeout) {
  CHECK(begin_ == end_);
  stream_.SetTimeout(timeout);
  overdue_at_ = clock_.MonotonicNanoseconds() + timeout.count() + kOverdueGraceNanoseconds;
  Result<size_t> count = co_await stream_.ReadSome(out);
  overdue_at_ = 0;
  co_return count;
}

WireBody::WireBody(WireInput& input, Clock& clock, Limits limits, const Framing& framing)
    : input_(input),
      clock_(clock),
      limits_(limits),
      chunked_(framing.chunked),
      left_(framing.chunked ? 0 : framing.content_length) {}

std::optional<uint64_t> WireBody::bytes_left() const {
  if (chunked_) return at_end() ? std::optional<uint64_t>(0) : std::nullopt;
  return left_;
}

Task<Result<size_t>> WireBody::Read(MutableByteSpan out, Duration timeout) {
  CHECK(!out.empty());
  if (!failure_.ok()) co_return failure_;
  if (at_end()) co_return size_t{0};
  Result<size_t> count(size_t{0});
  if (chunked_) {
    count = co_await ReadChunked(out, timeout);
  } else {
    count = co_await ReadData(out.first(std::min<uint64_t>(out.size(), left_)), timeout);
  }
  if (!count.ok()) {
    failure_ = count.status();
    co_return count;
  }
  bytes_read_ += *count;
  if (!chunked_) left_ -= *count;
  co_return count;
}

Task<Result<size_t>> WireBody::ReadData(MutableByteSpan out, Duration timeout) {
  const std::string_view ready = input_.buffered();
  if (ready.empty()) co_return co_await ReadTimed(out, timeout);
  const size_t count = std::min(out.size(), ready.size());
  std::memcpy(out.data(), ready.data(), count);
  input_.Consume(count);
  co_return count;
}

Task<Result<size_t>> WireBody::ReadChunked(MutableByteSpan out, Duration timeout) {
  while (true) {
    size_t used = 0;
    const Result<ChunkedDecoder::Next> next = decoder_.Advance(input_.buffered(), &used);
    if (!next.ok()) co_return next.status();
    input_.Consume(used);
    if (*next == ChunkedDecoder::Next::kEnd) co_return size_t{0};
    if (*next == ChunkedDecoder::Next::kData) {
      const size_t size = std::min<uint64_t>(out.size(), decoder_.data_left());
      Result<size_t> count = co_await ReadData(out.first(size), timeout);
      if (count.ok()) decoder_.TakeData(*count);
      co_return count;
    }
    const Result<size_t> filled = co_await ReadTimed(MutableByteSpan(), timeout);
    if (!filled.ok()) co_return filled.status();
  }
}

Task<Result<size_t>> WireBody::ReadTimed(MutableByteSpan out, Duration timeout) {
  const Duration patience = std::min(timeout, limits_.window);
  const int64_t before = clock_.MonotonicNanoseconds();
  Result<size_t> count(size_t{0});
  if (out.empty()) {
    count = co_await input_.Fill(patience);
  } else {
    count = co_await input_.ReadDirect(out, patience);
  }
  if (!count.ok()) co_return count;
  if (*count == 0) co_return Status(Code::kCancelled, "the client left inside of its body");
  window_waited_ += clock_.MonotonicNanoseconds() - before;
  window_bytes_ += *count;
  if (window_waited_ >= limits_.window.count()) {
    const auto seconds = static_cast<uint64_t>(window_waited_ / kNanosecondsPerSecond);
    if (window_bytes_ < limits_.bytes_per_second_min * seconds) {
      co_return Status(Code::kDeadlineExceeded, "the client sends its body too slowly");
    }
    window_waited_ = 0;
    window_bytes_ = 0;
  }
  co_return count;
}

}  // namespace ashlar::api_gateway

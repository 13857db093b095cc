#include "api_gateway/http/form_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "runtime/memory_metrics.h"

namespace ashlar::api_gateway {
namespace {

Status Refused() { return {Code::kInvalidArgument, "the form is malformed"}; }

S3Error Unfinished() { return MalformedForm("It ends without its closing boundary."); }

prometheus::Gauge& TakenGauge() {
  static prometheus::Gauge& gauge = MemoryGauge("forms");
  return gauge;
}

}  // namespace

FormMemory::FormMemory(uint64_t bytes_max) : bytes_max_(bytes_max) {
  MemoryLimitGauge("forms").Set(static_cast<double>(bytes_max));
}

bool FormMemory::TryTake(uint64_t bytes) {
  uint64_t taken = taken_.load(std::memory_order_relaxed);
  do {
    if (bytes > bytes_max_ - taken) return false;
  } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
  TakenGauge().Increment(static_cast<double>(bytes));
  return true;
}

void FormMemory::Return(uint64_t bytes) {
  CHECK(taken_.fetch_sub(bytes, std::memory_order_relaxed) >= bytes);
  TakenGauge().Decrement(static_cast<double>(bytes));
}

FormReader::FormReader(HttpExchange& exchange, FormMemory& memory, std::string_view boundary,
                       uint64_t body_bytes)
    : exchange_(exchange),
      form_memory_(memory),
      decoder_(boundary),
      wire_left_(body_bytes),
      memory_(std::min<uint64_t>(kFormWindowBytes, body_bytes)) {}

FormReader::~FormReader() { form_memory_.Return(taken_); }

S3Error FormReader::FileIsNotLast() const {
  if (crowded_out_) return S3Error(S3Code::kSlowDown);
  return MalformedForm(
      "In a body of more than 8 MiB the file must be the last field, and nothing but CRLF may "
      "follow the closing boundary. Nothing was stored.");
}

std::string_view FormReader::window() const {
  return AsText(ByteSpan(memory_).subspan(begin_, end_ - begin_));
}

void FormReader::Consume(size_t count) {
  CHECK(count <= end_ - begin_);
  begin_ += count;
}

Status FormReader::Fail(S3Error error) {
  error_ = std::move(error);
  return Refused();
}

Task<Status> FormReader::Fill() {
  CHECK(wire_left_ > 0);
  if (begin_ > 0) {
    std::memmove(memory_.data(), memory_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const MutableByteSpan space = MutableByteSpan(memory_).subspan(end_);
  CHECK(!space.empty());
  const Result<size_t> count =
      co_await exchange_.ReadBody(space.first(std::min<uint64_t>(space.size(), wire_left_)));
  if (!count.ok()) co_return count.status();
  if (*count == 0) co_return Status(Code::kCancelled, "the body is shorter than announced");
  end_ += *count;
  wire_left_ -= *count;
  co_return Status::Ok();
}

Task<Status> FormReader::ReadFields() {
  while (true) {
    const FormDecoder::Step step = decoder_.Feed(window());
    if (decoder_.error()) co_return Fail(*decoder_.error());
    Consume(step.consumed);
    if (decoder_.at_file()) co_return Status::Ok();
    if (step.consumed > 0) continue;
    if (wire_left_ == 0) co_return Fail(Unfinished());
    CO_RETURN_IF_ERROR(co_await Fill());
  }
}

Task<Status> FormReader::FindFile() {
  CHECK(decoder_.at_file() && !whole_);
  const uint64_t left = wire_left_ + (end_ - begin_);
  if (left <= kFormWholeBytesMax) {
    if (form_memory_.TryTake(left)) {
      taken_ = left;
      co_return co_await ReadWhole();
    }
    crowded_out_ = true;
  }
  if (left < decoder_.closing_bytes()) co_return Fail(FileIsNotLast());
  file_size_ = left - decoder_.closing_bytes();
  co_return Status::Ok();
}

Task<Status> FormReader::ReadWhole() {
  // What was taken for it and no more; pages that nothing has come for cost nothing.
  whole_.emplace().reserve(taken_);
  whole_->append(window());
  Consume(end_ - begin_);
  while (wire_left_ > 0) {
    CO_RETURN_IF_ERROR(co_await Fill());
    whole_->append(window());
    Consume(end_ - begin_);
  }
  std::string_view rest = *whole_;
  while (!rest.empty()) {
    const FormDecoder::Step step = decoder_.Feed(rest);
    CHECK(!decoder_.error());
    if (step.consumed == 0) break;
    file_size_ += step.file.size();
    rest.remove_prefix(step.consumed);
  }
  if (!decoder_.at_end()) co_return Fail(Unfinished());
  co_return Status::Ok();
}

Task<Result<size_t>> FormReader::ReadFile(MutableByteSpan out) {
  CHECK(!out.empty());
  if (error_) co_return Refused();
  if (!whole_) co_return co_await ReadStreamed(out);
  const std::string_view left =
      std::string_view(*whole_).substr(given_, std::min<uint64_t>(out.size(), file_size_ - given_));
  std::copy(left.begin(), left.end(), out.begin());
  given_ += left.size();
  co_return left.size();
}

Task<Result<size_t>> FormReader::ReadStreamed(MutableByteSpan out) {
  while (file_.empty()) {
    if (decoder_.at_end() && wire_left_ == 0 && begin_ == end_) break;
    const FormDecoder::Step step = decoder_.Feed(window());
    file_ = step.file;
    Consume(step.consumed);
    // Neither more nor less than was announced to the store.
    if (file_.size() > file_size_ - given_ ||
        (decoder_.file_ended() && given_ + file_.size() < file_size_)) {
      co_return Fail(FileIsNotLast());
    }
    if (step.consumed > 0) continue;
    if (wire_left_ == 0) co_return Fail(FileIsNotLast());
    CO_RETURN_IF_ERROR(co_await Fill());
  }
  CHECK(!file_.empty() || given_ == file_size_);  // or its reader would ask for ever
  const size_t count = std::min(file_.size(), out.size());
  std::copy_n(file_.begin(), count, out.begin());
  file_.remove_prefix(count);
  given_ += count;
  co_return count;
}

}  // namespace ashlar::api_gateway

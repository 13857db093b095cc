#include "api_gateway/http/chunked_decoder.h"

#include <algorithm>

#include "api_gateway/http/head_parser.h"
#include "base/check.h"

namespace ashlar::api_gateway {
namespace {

constexpr size_t kSizeDigitsMax = 16;
constexpr size_t kExtensionBytesMax = 256;
constexpr size_t kSizeLineBytesMax = kSizeDigitsMax + 1 + kExtensionBytesMax;
constexpr size_t kTrailerBytesMax = 16 * 1024;
constexpr uint64_t kChunkBytesMax = 1ULL << 62;

Status Malformed(const char* why) { return {Code::kInvalidArgument, why}; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The line at the front of `in`. False: it is not complete. A line longer than `limit`, a bare LF
// or any other control character fails.
Result<bool> FindLine(std::string_view in, size_t limit, std::string_view* line) {
  const size_t feed = in.substr(0, limit + 2).find('\n');
  const size_t end = feed == std::string_view::npos ? in.size() : feed + 1;
  std::string_view seen = in.substr(0, std::min(end, limit + 2));
  if (feed == std::string_view::npos) {
    if (in.size() >= limit + 2) return Malformed("a line of the chunked body is too long");
    if (seen.ends_with('\r')) seen.remove_suffix(1);
    if (!IsFieldValue(seen)) return Malformed("control character in the chunked framing");
    return false;
  }
  if (feed == 0 || in[feed - 1] != '\r') return Malformed("bare LF in the chunked framing");
  *line = in.substr(0, feed - 1);
  if (!IsFieldValue(*line)) return Malformed("control character in the chunked framing");
  return true;
}

}  // namespace

Status ChunkedDecoder::ReadSizeLine(std::string_view line) {
  uint64_t size = 0;
  size_t digits = 0;
  while (digits < line.size() && HexValue(line[digits]) >= 0) {
    if (digits == kSizeDigitsMax) return Malformed("a chunk size has more than 16 digits");
    size = size << 4 | static_cast<uint64_t>(HexValue(line[digits]));
    ++digits;
  }
  if (digits == 0) return Malformed("a chunk size is missing");
  if (size > kChunkBytesMax) return Malformed("a chunk is too large");
  const std::string_view rest = line.substr(digits);
  if (!rest.empty() && rest.front() != ';') return Malformed("a chunk size is malformed");
  if (rest.size() > kExtensionBytesMax) return Malformed("a chunk extension is too long");
  data_left_ = size;
  state_ = size > 0 ? State::kData : State::kTrailer;
  return Status::Ok();
}

Result<ChunkedDecoder::Next> ChunkedDecoder::Advance(std::string_view in, size_t* used) {
  *used = 0;
  while (true) {
    const std::string_view rest = in.substr(*used);
    std::string_view line;
    switch (state_) {
      case State::kData: return Next::kData;
      case State::kEnd: return Next::kEnd;
      case State::kAfterData: {
        if (!rest.empty() && rest[0] != '\r') return Malformed("a chunk is longer than its size");
        if (rest.size() < 2) return Next::kMoreInput;
        if (rest[1] != '\n') return Malformed("a chunk does not end in CR LF");
        *used += 2;
        state_ = State::kSize;
        break;
      }
      case State::kSize: {
        ASSIGN_OR_RETURN(const bool complete, FindLine(rest, kSizeLineBytesMax, &line));
        if (!complete) return Next::kMoreInput;
        RETURN_IF_ERROR(ReadSizeLine(line));
        *used += line.size() + 2;
        break;
      }
      case State::kTrailer: {
        ASSIGN_OR_RETURN(const bool complete,
                         FindLine(rest, kTrailerBytesMax - trailer_bytes_, &line));
        if (!complete) return Next::kMoreInput;
        *used += line.size() + 2;
        trailer_bytes_ += line.size();
        if (line.empty()) {
          state_ = State::kEnd;
        } else if (!IsToken(line.substr(0, line.find(':'))) || line.find(':') == line.npos) {
          return Malformed("a trailer line is malformed");
        }
        break;
      }
    }
  }
}

void ChunkedDecoder::TakeData(uint64_t count) {
  CHECK(state_ == State::kData && count <= data_left_);
  data_left_ -= count;
  if (data_left_ == 0) state_ = State::kAfterData;
}

}  // namespace ashlar::api_gateway

#include "api_gateway/protocol/range.h"

#include <algorithm>
#include <limits>

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

// Digits of any length; beyond 2^64-1 the value saturates, because "more than there is" is all that
// matters. False when it is not only digits.
bool ParseSaturating(std::string_view text, uint64_t* out) {
  if (text.empty()) return false;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<uint64_t>(c - '0');
    constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
    value = value > (kMax - digit) / 10 ? kMax : value * 10 + digit;
  }
  *out = value;
  return true;
}

// What follows "bytes=", or nullopt for another unit.
std::optional<std::string_view> BytesSpec(std::string_view header) {
  constexpr std::string_view kUnit = "bytes=";
  if (header.size() < kUnit.size() || !EqualsIgnoreCase(header.substr(0, kUnit.size()), kUnit)) {
    return std::nullopt;
  }
  return TrimBlanks(header.substr(kUnit.size()));
}

}  // namespace

S3Result<std::optional<ByteRange>> ParseRange(std::string_view header, uint64_t object_size) {
  const std::optional<ByteRange> ignored;
  const auto spec = BytesSpec(TrimBlanks(header));
  if (!spec) return ignored;
  const size_t dash = spec->find('-');
  if (dash == std::string_view::npos) return ignored;
  const std::string_view first_text = spec->substr(0, dash);
  const std::string_view last_text = spec->substr(dash + 1);
  const auto unsatisfiable = [&] {
    return S3Error(S3Code::kInvalidRange)
        .With("RangeRequested", header)
        .With("ActualObjectSize", std::to_string(object_size));
  };

  uint64_t first = 0;
  uint64_t last = std::numeric_limits<uint64_t>::max();
  if (first_text.empty()) {
    uint64_t suffix = 0;
    if (!ParseSaturating(last_text, &suffix)) return ignored;
    if (suffix == 0) return unsatisfiable();
    if (object_size == 0) return ignored;
    const uint64_t length = std::min(suffix, object_size);
    return std::optional(ByteRange{object_size - length, length});
  }
  if (!ParseSaturating(first_text, &first)) return ignored;
  if (!last_text.empty() && !ParseSaturating(last_text, &last)) return ignored;
  if (last < first) return ignored;
  if (first >= object_size) return unsatisfiable();
  last = std::min(last, object_size - 1);
  return std::optional(ByteRange{first, last - first + 1});
}

std::string FormatContentRange(const ByteRange& range, uint64_t object_size) {
  std::string text = "bytes ";
  text += std::to_string(range.first);
  text += '-';
  text += std::to_string(range.first + range.length - 1);
  text += '/';
  text += std::to_string(object_size);
  return text;
}

S3Result<ByteRange> ParseCopySourceRange(std::string_view header, uint64_t object_size) {
  constexpr std::string_view kName = "x-amz-copy-source-range";
  const auto malformed = [&] {
    return InvalidArgument(
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and "
        "last are the zero-based offsets of the first and last bytes to copy",
        kName, header);
  };
  const auto spec = BytesSpec(header);
  if (!spec) return malformed();
  const size_t dash = spec->find('-');
  if (dash == std::string_view::npos) return malformed();
  uint64_t first = 0;
  uint64_t last = 0;
  if (!ParseSaturating(spec->substr(0, dash), &first) ||
      !ParseSaturating(spec->substr(dash + 1), &last) || last < first) {
    return malformed();
  }
  if (first >= object_size) {
    return S3Error(S3Code::kInvalidRequest,
                   "The specified copy range is invalid for the source object size");
  }
  if (last >= object_size) {
    return InvalidArgument(
        "Range specified is not valid for source object of size: " + std::to_string(object_size),
        kName, header);
  }
  return ByteRange{first, last - first + 1};
}

}  // namespace ashlar::api_gateway

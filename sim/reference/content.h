// Content: what the model knows of an object's bytes. Bytes are drawn from a seed, so that any
// range of them can be made again without keeping them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ashlar::sim {

// Bytes [offset, offset + length) of the endless stream of `seed`.
struct Segment {
  uint64_t seed = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct Content {
  uint64_t size = 0;
  std::string etag;
  std::string tag;  // metadata that names the operation it came from
  std::vector<Segment> segments;
};
using ContentPtr = std::shared_ptr<const Content>;

// A plain object or part of fresh bytes.
[[nodiscard]] ContentPtr NewContent(uint64_t seed, uint64_t size, std::string tag);
// The range of another one, as a copy of it has it.
[[nodiscard]] ContentPtr RangeOf(const Content& source, uint64_t offset, uint64_t length,
                                 std::string tag);
// What CompleteMultipartUpload makes of its parts.
[[nodiscard]] ContentPtr JoinParts(const std::vector<ContentPtr>& parts, std::string tag);

void FillContent(const Content& content, uint64_t offset, MutableByteSpan out);
[[nodiscard]] bool ContentMatches(const Content& content, uint64_t offset, ByteSpan bytes);

}  // namespace ashlar::sim

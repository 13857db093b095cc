#include "reference/content.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/digest.h"

namespace ashlar::sim {
namespace {

// Eight bytes of the stream: SplitMix64 of its place.
uint64_t WordAt(uint64_t seed, uint64_t word) {
  uint64_t z = seed * 0x9e3779b97f4a7c15ULL + word * 0xd1342543de82ef95ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  return z ^ (z >> 29);
}

void FillSegment(const Segment& segment, uint64_t offset, MutableByteSpan out) {
  uint64_t at = segment.offset + offset;
  while (!out.empty()) {
    const uint64_t word = WordAt(segment.seed, at / 8);
    const uint64_t inside = at % 8;
    const size_t count = std::min<size_t>(out.size(), 8 - inside);
    std::memcpy(out.data(), reinterpret_cast<const uint8_t*>(&word) + inside, count);
    out = out.subspan(count);
    at += count;
  }
}

// Calls `use` with the content's bytes, piece by piece.
template <typename Use>
void EachPiece(const Content& content, Use use) {
  std::array<uint8_t, 4096> buffer;
  for (uint64_t at = 0; at < content.size;) {
    const size_t count = std::min<uint64_t>(buffer.size(), content.size - at);
    FillContent(content, at, MutableByteSpan(buffer).first(count));
    use(ByteSpan(buffer).first(count));
    at += count;
  }
}

std::string EtagOf(const Content& content) {
  Md5Hasher hasher;
  EachPiece(content, [&](ByteSpan piece) { hasher.Update(piece); });
  return HexEncode(hasher.Finish());
}

}  // namespace

ContentPtr NewContent(uint64_t seed, uint64_t size, std::string tag) {
  Content content;
  content.size = size;
  content.tag = std::move(tag);
  if (size > 0) content.segments.push_back({seed, 0, size});
  content.etag = EtagOf(content);
  return std::make_shared<const Content>(std::move(content));
}

ContentPtr RangeOf(const Content& source, uint64_t offset, uint64_t length, std::string tag) {
  CHECK(offset + length <= source.size);
  Content content;
  content.size = length;
  content.tag = std::move(tag);
  for (const Segment& segment : source.segments) {
    if (length == 0) break;
    if (offset >= segment.length) {
      offset -= segment.length;
      continue;
    }
    const uint64_t run = std::min(segment.length - offset, length);
    content.segments.push_back({segment.seed, segment.offset + offset, run});
    length -= run;
    offset = 0;
  }
  content.etag = EtagOf(content);
  return std::make_shared<const Content>(std::move(content));
}

ContentPtr JoinParts(const std::vector<ContentPtr>& parts, std::string tag) {
  Content content;
  content.tag = std::move(tag);
  Md5Hasher hasher;
  for (const ContentPtr& part : parts) {
    content.size += part->size;
    content.segments.insert(content.segments.end(), part->segments.begin(), part->segments.end());
    std::string raw;
    CHECK(HexDecode(part->etag, &raw));
    hasher.Update(AsBytes(raw));
  }
  content.etag = HexEncode(hasher.Finish()) + "-" + std::to_string(parts.size());
  return std::make_shared<const Content>(std::move(content));
}

void FillContent(const Content& content, uint64_t offset, MutableByteSpan out) {
  CHECK(offset + out.size() <= content.size);
  for (const Segment& segment : content.segments) {
    if (out.empty()) return;
    if (offset >= segment.length) {
      offset -= segment.length;
      continue;
    }
    const size_t run = std::min<uint64_t>(out.size(), segment.length - offset);
    FillSegment(segment, offset, out.first(run));
    out = out.subspan(run);
    offset = 0;
  }
  CHECK(out.empty());
}

bool ContentMatches(const Content& content, uint64_t offset, ByteSpan bytes) {
  if (offset > content.size || bytes.size() > content.size - offset) return false;
  std::array<uint8_t, 4096> buffer;
  while (!bytes.empty()) {
    const size_t count = std::min(buffer.size(), bytes.size());
    FillContent(content, offset, MutableByteSpan(buffer).first(count));
    if (std::memcmp(buffer.data(), bytes.data(), count) != 0) return false;
    bytes = bytes.subspan(count);
    offset += count;
  }
  return true;
}

}  // namespace ashlar::sim

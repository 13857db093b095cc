// Identifiers as types of their own, so that they cannot be mixed up.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ashlar {

// An integer with a meaning. `Tag` makes each alias a type of its own.
template <typename Tag, typename Integer>
struct StrongId {
  Integer value{};
  constexpr auto operator<=>(const StrongId&) const = default;
};

using BucketId = StrongId<struct BucketIdTag, uint64_t>;
// Place of a drive in the store, 0-based and stable: it is written in the drive's identity file.
using DriveId = StrongId<struct DriveIdTag, uint16_t>;
// Which of the k+m shards of an extent: 0..k-1 data, k..k+m-1 parity.
using ShardIndex = StrongId<struct ShardIndexTag, uint8_t>;
// Commit order of the metadata database. Greater means later; never a wall clock.
using Sequence = StrongId<struct SequenceTag, uint64_t>;

// 128 bits, big-endian time in milliseconds first and random after it: ordered by creation, never
// reused. Extents and uploads carry one.
struct UniqueId {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const UniqueId&) const = default;
  bool IsZero() const { return *this == UniqueId{}; }
  std::string ToHex() const { return HexEncode(bytes); }
  std::string_view View() const { return AsText(bytes); }
  static UniqueId FromView(std::string_view view) {
    UniqueId id;
    if (view.size() == 16) std::memcpy(id.bytes.data(), view.data(), 16);
    return id;
  }
};
using ExtentId = UniqueId;

}  // namespace ashlar

template <>
struct std::hash<ashlar::UniqueId> {
  size_t operator()(const ashlar::UniqueId& id) const noexcept {
    uint64_t low;
    std::memcpy(&low, id.bytes.data() + 8, 8);  // the random half
    return low * 0x9e3779b97f4a7c15ULL;
  }
};

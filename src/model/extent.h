// Extent: the unit of coding, placement, healing and reclaiming; and its geometry.
//
// An extent's payload (up to 64 MiB of object bytes, then its directory) is cut into stripes of k
// units. Unit j of each stripe lies on shard j, so a range touches few shards. All stripes have
// units of `unit_bytes` but the last one, whose units are as small as the rest allows (rounded up
// to kTailAlignment): a batch of small objects is one such short stripe, "the payload cut in k
// pieces".
//
//   payload  | stripe 0: unit 0 .. unit k-1 | stripe 1 ... | tail stripe: k shorter units |
//   shard j  | unit j of stripe 0 | unit j of stripe 1 | ... | unit j of the tail |
//
// Invariants
//  1. An extent is immutable; its id is never reused.
//  2. Moving a shard changes one location of one extent row (with a new generation), nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/status.h"

namespace ashlar::model {

inline constexpr uint32_t kUnitBytes = 64 * 1024;
inline constexpr uint32_t kLeafBytes = 16 * 1024;
inline constexpr uint32_t kTailAlignment = 64;
inline constexpr uint64_t kExtentDataBytesMax = 64ULL * 1024 * 1024;

enum class Tier : uint8_t { kStandard = 0, kInfrequentAccess = 1, kCold = 2 };

// Where one shard lies. `present` false: it was never written (its drive was gone); a repair order
// exists. A stale location can only miss: the record there carries its own identity.
struct ShardLocation {
  DriveId drive;
  bool present = false;
  uint32_t generation = 0;
  uint32_t volume = 0;
  uint64_t offset = 0;  // of the shard record in the volume, bytes
  bool operator==(const ShardLocation&) const = default;
};

struct Extent {
  ExtentId id;
  uint8_t data_shards = 0;
  uint8_t parity_shards = 0;
  Tier tier = Tier::kStandard;
  uint32_t unit_bytes = kUnitBytes;
  uint64_t payload_bytes = 0;            // data and directory
  uint32_t directory_bytes = 0;          // the last bytes of the payload
  std::vector<ShardLocation> locations;  // k+m
  std::vector<Sha256Digest> roots;       // k+m: SHA-256 over the shard's leaf digests
  bool operator==(const Extent&) const = default;

  uint64_t data_bytes() const { return payload_bytes - directory_bytes; }
};

[[nodiscard]] std::string EncodeExtent(const Extent& extent);
// kCorrupt when it is not an extent row.
[[nodiscard]] Result<Extent> DecodeExtent(std::string_view row);

// Geometry. All values in bytes.
class ExtentLayout {
 public:
  ExtentLayout(int data_shards, uint32_t unit_bytes, uint64_t payload_bytes);

  int data_shards() const { return data_shards_; }
  uint64_t payload_bytes() const { return payload_bytes_; }
  uint64_t full_stripes() const { return full_stripes_; }
  uint64_t stripe_bytes() const { return stripe_bytes_; }  // payload of a full stripe
  uint64_t stripe_count() const { return full_stripes_ + (tail_unit_ > 0 ? 1 : 0); }
  // Unit size of stripe `index`: unit_bytes, or the tail's.
  uint32_t UnitBytes(uint64_t index) const {
    return index < full_stripes_ ? unit_bytes_ : tail_unit_;
  }
  // Payload bytes in stripe `index` (the tail may be padded with zeros up to k * UnitBytes).
  uint64_t StripePayload(uint64_t index) const;
  // Every shard of the extent has this length.
  uint64_t shard_bytes() const { return full_stripes_ * unit_bytes_ + tail_unit_; }

  // A run of payload bytes inside one unit.
  struct Run {
    uint64_t stripe;
    int shard;              // data shard, 0..k-1
    uint64_t shard_offset;  // in the shard
    uint64_t payload_offset;
    uint64_t length;
  };
  // The run that starts at `payload_offset` and ends at the unit's end or after `length_max`.
  Run Locate(uint64_t payload_offset, uint64_t length_max) const;

 private:
  int data_shards_;
  uint32_t unit_bytes_;
  uint64_t payload_bytes_;
  uint64_t stripe_bytes_;
  uint64_t full_stripes_;
  uint32_t tail_unit_ = 0;
};

}  // namespace ashlar::model

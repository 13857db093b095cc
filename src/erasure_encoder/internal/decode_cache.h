// DecodeCache: coding tables by loss pattern. Filled once a pattern, never emptied before it dies.
//
//  1. Readers take no lock: a slot goes from null to a complete entry once, and stays.
//  2. At most kEntriesMax entries are kept (all 1,470 patterns of 10+4 are fewer; 5 MiB at that
//     code). A pattern beyond the bound is not refused: the caller builds its table for that call.
//  3. Two threads that miss the same pattern may both build it; one entry is kept.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace ashlar::erasure_encoder {

// Bit i stands for shard i.
struct LossPattern {
  uint32_t present = 0;
  uint32_t wanted = 0;
  bool operator==(const LossPattern&) const = default;
};

// Thread-safe.
class DecodeCache {
 public:
  static constexpr size_t kEntriesMax = 4096;

  DecodeCache() = default;
  ~DecodeCache();
  DecodeCache(const DecodeCache&) = delete;
  DecodeCache& operator=(const DecodeCache&) = delete;

  // The table, valid as long as the cache; null when the pattern is not kept.
  [[nodiscard]] const uint8_t* Find(LossPattern pattern) const;
  // Copies `size` bytes of table. Returns the kept copy, or null when the cache is full.
  const uint8_t* Insert(LossPattern pattern, const uint8_t* table, size_t size);
  [[nodiscard]] size_t size() const { return entries_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    LossPattern pattern;
    std::unique_ptr<uint8_t[]> table;
  };
  // Twice the entries, so that a probe is short and always meets an empty slot.
  static constexpr size_t kSlots = 2 * kEntriesMax;
  static_assert((kSlots & (kSlots - 1)) == 0);
  static size_t FirstSlot(LossPattern pattern);

  std::array<std::atomic<const Entry*>, kSlots> slots_{};
  std::atomic<size_t> entries_{0};
};

}  // namespace ashlar::erasure_encoder

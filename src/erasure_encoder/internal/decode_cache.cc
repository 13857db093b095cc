#include "erasure_encoder/internal/decode_cache.h"

#include <cstring>

namespace ashlar::erasure_encoder {

DecodeCache::~DecodeCache() {
  for (const auto& slot : slots_) delete slot.load(std::memory_order_relaxed);
}

size_t DecodeCache::FirstSlot(LossPattern pattern) {
  const uint64_t key = static_cast<uint64_t>(pattern.wanted) << 32 | pattern.present;
  return static_cast<size_t>((key * 0x9e3779b97f4a7c15ULL) >> 32) & (kSlots - 1);
}

const uint8_t* DecodeCache::Find(LossPattern pattern) const {
  for (size_t slot = FirstSlot(pattern);; slot = (slot + 1) & (kSlots - 1)) {
    const Entry* entry = slots_[slot].load(std::memory_order_acquire);
    if (entry == nullptr) return nullptr;
    if (entry->pattern == pattern) return entry->table.get();
  }
}

const uint8_t* DecodeCache::Insert(LossPattern pattern, const uint8_t* table, size_t size) {
  // The place is reserved before the slot is taken: invariant 2 holds at every moment.
  if (entries_.fetch_add(1, std::memory_order_relaxed) >= kEntriesMax) {
    entries_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  auto entry = std::make_unique<Entry>(Entry{pattern, std::make_unique<uint8_t[]>(size)});
  std::memcpy(entry->table.get(), table, size);
  for (size_t slot = FirstSlot(pattern);; slot = (slot + 1) & (kSlots - 1)) {
    const Entry* found = nullptr;
    if (slots_[slot].compare_exchange_strong(found, entry.get(), std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
      return entry.release()->table.get();
    }
    if (found->pattern == pattern) {  // another thread was faster
      entries_.fetch_sub(1, std::memory_order_relaxed);
      return found->table.get();
    }
  }
}

}  // namespace ashlar::erasure_encoder

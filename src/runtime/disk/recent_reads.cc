#include "runtime/disk/recent_reads.h"

#include <unistd.h>

#include <bit>

namespace ashlar {
namespace {

constexpr uint64_t kUnitBytes = 64 * 1024;

// The finalizer of splitmix64: every bit of the input reaches every bit of the output.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

size_t UnitsOfMemory() {
  const auto pages = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES));
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return static_cast<size_t>(pages * page_bytes / kUnitBytes);
}

}  // namespace

RecentReads::RecentReads(size_t entries) : sets_(std::bit_ceil(entries / kWays + 1)) {}

RecentReads& RecentReads::Shared() {
  static RecentReads recent(UnitsOfMemory());
  return recent;
}

bool RecentReads::SeenBefore(uint64_t file, uint64_t offset) {
  const uint64_t hash = Mix(file + Mix(offset / kUnitBytes));
  Set& set = sets_[hash & (sets_.size() - 1)];
  const auto tag = static_cast<uint32_t>(hash >> 32) | 1U;
  uint32_t carried = tag;
  for (std::atomic<uint32_t>& way : set.tags) {
    carried = way.exchange(carried, std::memory_order_relaxed);
    if (carried == tag) return true;
  }
  return false;
}

}  // namespace ashlar

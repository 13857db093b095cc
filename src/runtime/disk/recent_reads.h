// RecentReads: which places of files were read lately, so that large reads go past the page cache
// the first time and through it from the second on. What is read once (most of a cold store) then
// costs no copy and evicts nothing; what is read again is served from memory.
//
// A hint: places are forgotten when newer ones take their room (as many are remembered as units of
// 64 KiB fit into the machine's memory), and two threads that meet in one set may lose an entry.
// Thread-safe. Private to runtime.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ashlar {

class RecentReads {
 public:
  // Room for at least `entries` places.
  explicit RecentReads(size_t entries);
  static RecentReads& Shared();

  // Was this place read lately? From now on it was.
  bool SeenBefore(uint64_t file, uint64_t offset);

 private:
  static constexpr size_t kWays = 4;
  struct Set {
    std::atomic<uint32_t> tags[kWays];  // latest first; 0: free
  };
  std::vector<Set> sets_;
};

}  // namespace ashlar

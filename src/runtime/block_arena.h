// BlockArena: blocks of one size, side by side in huge pages.
//
// A drive's write or read past the page cache pins every page of its buffer, and sixteen streams of
// hashing touch as many pages at once; both cost less when pages have 2 MiB. Blocks of odd sizes
// can have such pages only together. Where the system has none (transparent_hugepage = never),
// ordinary ones serve.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ashlar {

class BlockArena {
 public:
  // Takes addresses for `blocks_max` blocks, and memory only for those in use. `block_bytes` is a
  // multiple of 4 KiB.
  BlockArena(size_t block_bytes, size_t blocks_max);
  ~BlockArena();
  BlockArena(const BlockArena&) = delete;
  BlockArena& operator=(const BlockArena&) = delete;

  // 4 KiB-aligned. Null when all are taken, or the system gave no addresses.
  uint8_t* Take();
  // Its memory goes back to the system.
  void Give(uint8_t* block);

 private:
  const size_t block_bytes_;
  size_t mapped_bytes_;
  uint8_t* mapped_;
  uint8_t* next_;  // the first block that was never taken
  uint8_t* end_;
  std::vector<uint8_t*> free_;
};

}  // namespace ashlar

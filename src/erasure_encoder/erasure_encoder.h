// ErasureEncoder: bytes in, shards out. Systematic Reed-Solomon (Cauchy matrix over GF(2^8)) on
// ISA-L.
//
// Invariants
//  1. Pure: no I/O, no clock, no allocation on the hot path once a decode table is cached.
//  2. Systematic: the k data shards are the bytes themselves, so a read with all data shards
//     present never decodes.
//  3. Any k of the k+m shards give back the rest, bit for bit.
// A wrong shard fed to Reconstruct gives wrong bytes: callers verify digests before and after.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace ashlar::erasure_encoder {

// How many data (k) and parity (m) shards; written "10+4".
struct Code {
  uint8_t data_shards = 10;
  uint8_t parity_shards = 4;
  bool operator==(const Code&) const = default;
  int total() const { return data_shards + parity_shards; }
  std::string ToString() const;
};
inline constexpr int kShardsMax = 32;  // k+m; k >= 1, 1 <= m <= 8

// "10+4" -> Code. kInvalidArgument says which limit is broken.
[[nodiscard]] Result<Code> ParseCode(std::string_view text);

class ErasureEncoder {
 public:
  explicit ErasureEncoder(Code code);
  ~ErasureEncoder();
  ErasureEncoder(const ErasureEncoder&) = delete;
  ErasureEncoder& operator=(const ErasureEncoder&) = delete;

  const Code& code() const { return code_; }

  // data: k pointers to `size` bytes each; parity: m pointers to `size` writable bytes each.
  // size 0 is allowed. Thread-safe.
  void Encode(std::span<const uint8_t* const> data, std::span<uint8_t* const> parity,
              size_t size) const;

  // Rebuilds the shards `wanted` (indices 0..k+m-1, ascending) from exactly k others.
  // present_index: k ascending indices; present[i]: `size` bytes of shard present_index[i];
  // out[i]: `size` writable bytes for shard wanted[i]. Decode tables are cached by pattern
  // (bounded; all 1,470 patterns of 10+4 fit). Thread-safe. kInvalidArgument when the indices are
  // not as said.
  [[nodiscard]] Status Reconstruct(std::span<const uint8_t> present_index,
                                   std::span<const uint8_t* const> present,
                                   std::span<const uint8_t> wanted, std::span<uint8_t* const> out,
                                   size_t size) const;

 private:
  struct Tables;
  Code code_;
  std::unique_ptr<Tables> tables_;
};

}  // namespace ashlar::erasure_encoder

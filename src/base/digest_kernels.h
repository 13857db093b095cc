// The hand-written kernels behind digest.h. Private to base/digest*.cc, its tests and benchmarks.
// Each kernel may be called only when the CPU has it; digest.cc chooses once per process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/digest.h"

namespace ashlar::digest_kernels {

// All false on anything but x86-64.
[[nodiscard]] bool CpuHasShaExtensions();
[[nodiscard]] bool CpuHasCarrylessMultiply();
[[nodiscard]] bool CpuHasWideCarrylessMultiply();

// SHA-256 of any number of inputs, up to four interleaved. Requires CpuHasShaExtensions().
void Sha256ManyShaExtensions(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests);

// Work on the CRC register (not inverted). Require CpuHasCarrylessMultiply(), the second
// CpuHasWideCarrylessMultiply().
[[nodiscard]] uint64_t Crc64NvmeFold(uint64_t state, ByteSpan bytes);
[[nodiscard]] uint64_t Crc64NvmeFoldWide(uint64_t state, ByteSpan bytes);

}  // namespace ashlar::digest_kernels

// Sizes and durations as people type them ("4KiB", "10s") and as the report prints them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::bench {

// Bytes. Accepts a decimal number with an optional fraction and one of the suffixes B, K, KB, KiB,
// M, MB, MiB, G, GB, GiB, T, TB, TiB (any case). A bare letter and the "iB" forms are powers of
// 1024, the "B" forms powers of 1000. Empty when the text is malformed, negative or beyond 2^63.
std::optional<uint64_t> ParseSize(std::string_view text);

// Nanoseconds. Accepts a decimal number with an optional fraction and ns, us, ms, s, m or h; a bare
// number is seconds. Empty when malformed, negative or beyond 2^63 ns.
std::optional<int64_t> ParseDuration(std::string_view text);

// "4 KiB", "1.5 MiB", "17 B".
std::string FormatSize(uint64_t bytes);

// A latency with three significant digits: "870 ns", "12.3 us", "4.56 ms", "1.23 s".
std::string FormatDuration(double nanoseconds);

}  // namespace ashlar::bench

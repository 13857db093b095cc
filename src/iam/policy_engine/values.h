// The values that conditions compare, read from text. Nothing: the text is not one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::iam {

// [+-]digits[.digits], at most 64 characters.
std::optional<double> ParseNumber(std::string_view text);

// Milliseconds since 1970 of a date of ISO 8601 (YYYY-MM-DD, or with Thh:mm[:ss[.fraction]] and Z
// or +hh:mm; digits after the milliseconds do not count) or of whole seconds since 1970 (at most 12
// digits).
std::optional<int64_t> ParseDate(std::string_view text);

// "true" or "false", in any case.
std::optional<bool> ParseBool(std::string_view text);

// Standard base64 with its padding.
std::optional<std::string> ParseBase64(std::string_view text);

// An address of IPv4 or IPv6, or a network of them. IPv4 written as IPv6 (::ffff:10.0.0.1) is IPv4.
struct Network {
  bool is_ipv4 = false;
  std::array<uint8_t, 16> address{};  // of IPv4 the first four bytes
  int prefix_length = 0;              // 32 or 128 for a single address
};
// "10.0.0.0/8", "2001:db8::/32", or an address alone. Bits after the prefix do not count.
std::optional<Network> ParseNetwork(std::string_view text);
// An address alone.
std::optional<Network> ParseAddress(std::string_view text);
bool Contains(const Network& network, const Network& address);

}  // namespace ashlar::iam

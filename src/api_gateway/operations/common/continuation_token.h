// Continuation tokens: a position in a listing, opaque to clients.
//
// base64url, without padding, of: kind (1 byte), CRC32C over kind and position (4 bytes, little-
// endian), position. The checksum is no secret: a token only names a place in what its bearer may
// list anyway. It turns a damaged or invented token into an error instead of a wrong page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::api_gateway {

enum class TokenKind : unsigned char { kObjects = 1, kBuckets = 2 };

[[nodiscard]] std::string MakeContinuationToken(TokenKind kind, std::string_view position);
// nullopt: not one of ours, or of another kind of listing.
[[nodiscard]] std::optional<std::string> ReadContinuationToken(TokenKind kind,
                                                               std::string_view token);

}  // namespace ashlar::api_gateway

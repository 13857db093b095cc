#include "api_gateway/operations/common/continuation_token.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/digest.h"

namespace ashlar::api_gateway {
namespace {

uint32_t TokenCrc(TokenKind kind, std::string_view position) {
  const auto first = static_cast<uint8_t>(kind);
  return Crc32c(Crc32c(0, ByteSpan(&first, 1)), AsBytes(position));
}

}  // namespace

std::string MakeContinuationToken(TokenKind kind, std::string_view position) {
  std::string raw;
  Encoder encoder(&raw);
  encoder.U8(static_cast<uint8_t>(kind));
  encoder.U32(TokenCrc(kind, position));
  raw += position;
  std::string token = Base64Encode(AsBytes(raw));
  while (token.ends_with('=')) token.pop_back();
  std::replace(token.begin(), token.end(), '+', '-');
  std::replace(token.begin(), token.end(), '/', '_');
  return token;
}

std::optional<std::string> ReadContinuationToken(TokenKind kind, std::string_view token) {
  if (token.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string base64(token);
  std::replace(base64.begin(), base64.end(), '-', '+');
  std::replace(base64.begin(), base64.end(), '_', '/');
  while (base64.size() % 4 != 0) base64 += '=';
  std::string raw;
  if (!Base64Decode(base64, &raw)) return std::nullopt;
  Decoder decoder(raw);
  const uint8_t stored_kind = decoder.U8();
  const uint32_t crc = decoder.U32();
  if (!decoder.ok() || stored_kind != static_cast<uint8_t>(kind)) return std::nullopt;
  const std::string_view position = decoder.Raw(decoder.remaining());
  if (crc != TokenCrc(kind, position)) return std::nullopt;
  return std::string(position);
}

}  // namespace ashlar::api_gateway

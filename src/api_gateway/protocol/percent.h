// Percent-encoding and UTF-8, the two codings every name in an S3 request passes through.
//
// Pure functions on text. Decoding is strict: a '%' without two hex digits fails, it is never kept
// as a literal, because two readers that disagree about it would name two different objects.
#pragma once

#include <string>
#include <string_view>

#include "runtime/pooled.h"

namespace ashlar::api_gateway {

// What a '+' means: itself (paths, copy source) or a space (query strings).
enum class PlusSign { kLiteral, kSpace };

// Decodes once and appends nothing on failure. False when a '%' is not followed by two hex digits.
[[nodiscard]] bool PercentDecode(std::string_view text, PlusSign plus, std::string* out);

// RFC 3986: all but A-Z a-z 0-9 - . _ ~ becomes %XX with upper-case digits; '/' kept on request.
enum class Slash { kEncode, kKeep };
void AppendPercentEncoded(std::string_view text, Slash slash, std::string* out);
void AppendPercentEncoded(std::string_view text, Slash slash, PooledString* out);

// Names in listings with `encoding-type=url`: '/' is kept and a space is %20, which decoders of
// both kinds ("unquote" and "unquote_plus") read back as a space.
[[nodiscard]] std::string S3UrlEncode(std::string_view text);

// Strict UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
[[nodiscard]] bool IsValidUtf8(std::string_view text);

// Reads one code point at *position and moves on. An invalid byte counts as U+FFFD of length one.
[[nodiscard]] char32_t NextCodePoint(std::string_view text, size_t* position);
void AppendUtf8(char32_t code_point, std::string* out);
// What S3 counts where a text has a greatest length.
[[nodiscard]] size_t CountCodePoints(std::string_view text);

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

// ASCII helpers; independent of the locale.
[[nodiscard]] inline char AsciiLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] bool EqualsIgnoreCase(std::string_view a, std::string_view b);
[[nodiscard]] std::string ToLower(std::string_view text);
// Without spaces and tabs at both ends.
[[nodiscard]] std::string_view TrimBlanks(std::string_view text);
// Decimal digits only, no sign, no overflow.
[[nodiscard]] bool ParseUnsigned(std::string_view text, unsigned long long* out);

}  // namespace ashlar::api_gateway

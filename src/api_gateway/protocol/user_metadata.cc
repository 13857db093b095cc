#include "api_gateway/protocol/user_metadata.h"

#include <algorithm>
#include <optional>

#include "api_gateway/protocol/percent.h"
#include "base/bytes.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kPrefix = "x-amz-meta-";
constexpr char kUpperHex[] = "0123456789ABCDEF";

bool IsPlain(char32_t c) { return (c >= 0x20 && c < 0x7f) || c == '\t'; }

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    AppendUtf8(NextCodePoint(text, &position), &out);
  }
  return out;
}

// RFC 2047, 4.2, with the safe set of section 5 (3), so that the word is good in any header.
void AppendQ(std::string_view text, std::string* out) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == ' ') {
      out->push_back('_');
    } else if (byte > 0x20 && byte < 0x7f && c != '=' && c != '?' && c != '_' && c != '"' &&
               c != '(' && c != ')' && c != ',' && c != ':' && c != ';' && c != '<' && c != '>' &&
               c != '@' && c != '[' && c != ']' && c != '\\') {
      out->push_back(c);
    } else {
      const char escape[3] = {'=', kUpperHex[byte >> 4], kUpperHex[byte & 15]};
      out->append(escape, 3);
    }
  }
}

std::optional<std::string> DecodeQ(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      out.push_back(' ');
    } else if (text[i] != '=') {
      out.push_back(text[i]);
    } else {
      std::string byte;
      if (i + 2 >= text.size() || !HexDecode(text.substr(i + 1, 2), &byte)) return std::nullopt;
      out += byte;
      i += 2;
    }
  }
  return out;
}

// Takes one "=?UTF-8?Q?...?=" off the front.
std::optional<std::string> TakeWord(std::string_view* text) {
  constexpr std::string_view kStart = "=?utf-8?";
  if (text->size() < kStart.size() + 4 ||
      !EqualsIgnoreCase(text->substr(0, kStart.size()), kStart)) {
    return std::nullopt;
  }
  const char kind = AsciiLower((*text)[kStart.size()]);
  if ((*text)[kStart.size() + 1] != '?') return std::nullopt;
  std::string_view rest = text->substr(kStart.size() + 2);
  const size_t end = rest.find('?');
  if (end == std::string_view::npos || !rest.substr(end).starts_with("?=")) return std::nullopt;
  const std::string_view encoded = rest.substr(0, end);
  *text = rest.substr(end + 2);
  if (kind == 'q') return DecodeQ(encoded);
  std::string raw;
  if (kind == 'b' && Base64Decode(encoded, &raw)) return raw;
  return std::nullopt;
}

}  // namespace

std::string EncodeMetadata(std::string_view value) {
  size_t plain = 0;
  size_t other = 0;
  for (size_t position = 0; position < value.size();) {
    const char32_t c = NextCodePoint(value, &position);
    // Counted in UTF-16 units, as the encoder of AWS does.
    IsPlain(c) ? ++plain : other += c > 0xFFFF ? 2 : 1;
  }
  if (other == 0) return std::string(value);
  const std::string text = ReplaceInvalidUtf8(value);
  std::string out = "=?UTF-8?";
  if (plain > other) {
    out += "Q?";
    AppendQ(text, &out);
  } else {
    out += "B?";
    out += Base64Encode(AsBytes(text));
  }
  out += "?=";
  return out;
}

std::string DecodeMetadata(std::string_view value) {
  if (!value.starts_with("=?") || !value.ends_with("?=")) return std::string(value);
  std::string out;
  std::string_view rest = value;
  while (!rest.empty()) {
    const auto word = TakeWord(&rest);
    if (!word) return std::string(value);
    out += *word;
    // White space between two words is not part of the value.
    rest = TrimBlanks(rest);
  }
  return ReplaceInvalidUtf8(out);
}

S3Result<UserMetadata> CollectUserMetadata(const HttpRequest& request, MetadataFrom from) {
  const bool literal = from == MetadataFrom::kForm;
  UserMetadata metadata;
  size_t bytes = 0;
  for (const Header& header : request.headers) {
    if (!header.name.starts_with(kPrefix)) continue;
    const std::string_view name = std::string_view(header.name).substr(kPrefix.size());
    const std::string_view value = literal ? header.value : TrimBlanks(header.value);
    std::string meant = literal ? std::string(value) : DecodeMetadata(value);
    const auto same = [name](const auto& entry) { return entry.first == name; };
    const auto before = std::find_if(metadata.begin(), metadata.end(), same);
    if (before == metadata.end()) {
      bytes += name.size() + value.size();
      metadata.emplace_back(name, std::move(meant));
    } else {
      bytes += 1 + value.size();
      before->second += ',';
      before->second += meant;
    }
  }
  if (bytes > kUserMetadataBytesMax) {
    return S3Error(S3Code::kMetadataTooLarge)
        .With("Size", std::to_string(bytes))
        .With("MaxSizeAllowed", std::to_string(kUserMetadataBytesMax));
  }
  std::sort(metadata.begin(), metadata.end());
  return metadata;
}

}  // namespace ashlar::api_gateway

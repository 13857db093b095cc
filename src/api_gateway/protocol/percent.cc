#include "api_gateway/protocol/percent.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace ashlar::api_gateway {
namespace {

constexpr char kUpperHex[] = "0123456789ABCDEF";

constexpr std::array<bool, 256> MakeUnreserved() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (const char c : {'-', '.', '_', '~'}) table[static_cast<uint8_t>(c)] = true;
  return table;
}
constexpr auto kUnreserved = MakeUnreserved();

int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = AsciiLower(digit);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

template <typename String>
void AppendEncoded(std::string_view text, Slash slash, String* out) {
  // Runs that stay as they are, nearly everything in practice, are appended whole.
  size_t run = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (kUnreserved[byte] || (byte == '/' && slash == Slash::kKeep)) continue;
    out->append(text.substr(run, i - run));
    const char escape[3] = {'%', kUpperHex[byte >> 4], kUpperHex[byte & 15]};
    out->append(escape, 3);
    run = i + 1;
  }
  out->append(text.substr(run));
}

}  // namespace

bool PercentDecode(std::string_view text, PlusSign plus, std::string* out) {
  if (text.find_first_of("%+") == std::string_view::npos) {
    out->append(text);
    return true;
  }
  const size_t size_before = out->size();
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '+' && plus == PlusSign::kSpace) {
      out->push_back(' ');
    } else if (c != '%') {
      out->push_back(c);
    } else {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        out->resize(size_before);
        return false;
      }
      out->push_back(static_cast<char>(high << 4 | low));
      i += 2;
    }
  }
  return true;
}

void AppendPercentEncoded(std::string_view text, Slash slash, std::string* out) {
  AppendEncoded(text, slash, out);
}
void AppendPercentEncoded(std::string_view text, Slash slash, PooledString* out) {
  AppendEncoded(text, slash, out);
}

std::string S3UrlEncode(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  AppendPercentEncoded(text, Slash::kKeep, &out);
  return out;
}

char32_t NextCodePoint(std::string_view text, size_t* position) {
  const auto first = static_cast<uint8_t>(text[*position]);
  ++*position;
  if (first < 0x80) return first;
  // Length, and the range of the second byte that excludes overlong forms and surrogates.
  int more = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  char32_t value = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    more = 1;
    value = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    more = 2;
    value = first & 0x0F;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    more = 3;
    value = first & 0x07;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return kReplacementCharacter;
  }
  if (text.size() - *position < static_cast<size_t>(more)) return kReplacementCharacter;
  for (int i = 0; i < more; ++i) {
    const auto byte = static_cast<uint8_t>(text[*position + i]);
    if (byte < low || byte > high) return kReplacementCharacter;
    value = value << 6 | (byte & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  *position += more;
  return value;
}

bool IsValidUtf8(std::string_view text) {
  size_t position = 0;
  while (position < text.size()) {
    if (static_cast<uint8_t>(text[position]) < 0x80) {
      ++position;
      continue;
    }
    const size_t start = position;
    // The replacement character itself takes three bytes; an invalid byte was skipped alone.
    if (NextCodePoint(text, &position) == kReplacementCharacter && position - start != 3) {
      return false;
    }
  }
  return true;
}

size_t CountCodePoints(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) (void)NextCodePoint(text, &at);
  return count;
}

void AppendUtf8(char32_t code_point, std::string* out) {
  const auto put = [out](char32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return AsciiLower(x) == AsciiLower(y);
         });
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = AsciiLower(c);
  return lower;
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ParseUnsigned(std::string_view text, unsigned long long* out) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace ashlar::api_gateway

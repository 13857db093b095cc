// The lexical pass over a request body: limits and forbidden constructs, before a tree is built.
//
// It does not decide well-formedness (pugixml does); it must only never let through what it
// forbids: whatever pugixml would read as a tag is counted here, because both split at the same
// characters.
#include <algorithm>

#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  bool Run() {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    if (text_.starts_with("<?xml") && !Skip("?>")) return false;
    while (!text_.empty()) {
      if (text_.front() == '<' ? !Markup() : !Characters()) return false;
    }
    return depth_ == 0 && roots_ == 1;
  }

 private:
  // Moves behind the next `end`.
  bool Skip(std::string_view end) {
    const size_t at = text_.find(end);
    if (at == std::string_view::npos) return false;
    text_.remove_prefix(at + end.size());
    return true;
  }

  bool Markup() {
    if (text_.starts_with("<!--")) {
      text_.remove_prefix(4);
      return Skip("-->");
    }
    if (text_.starts_with("<![CDATA[")) return depth_ > 0 && Skip("]]>");
    if (text_.starts_with("<!") || text_.starts_with("<?")) return false;
    if (text_.starts_with("</")) return CloseTag();
    return OpenTag();
  }

  bool CloseTag() {
    text_.remove_prefix(2);
    if (--depth_ < 0 || !TagName()) return false;
    while (!text_.empty() && IsSpace(text_.front())) text_.remove_prefix(1);
    if (!text_.starts_with('>')) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool OpenTag() {
    text_.remove_prefix(1);
    if (depth_ == 0 && ++roots_ > 1) return false;
    if (++depth_ > kXmlDepthMax) return false;
    if (!TagName()) return false;
    int attributes = 0;
    while (!text_.empty()) {
      const char c = text_.front();
      if (c == '>') {
        text_.remove_prefix(1);
        return true;
      }
      if (text_.starts_with("/>")) {
        text_.remove_prefix(2);
        --depth_;
        return true;
      }
      if (IsSpace(c)) {
        text_.remove_prefix(1);
        continue;
      }
      if (++attributes > kXmlAttributesMax || !Attribute()) return false;
    }
    return false;
  }

  bool TagName() {
    const size_t size = text_.find_first_of("/> \t\r\n=<&'\"");
    if (size == 0 || size == std::string_view::npos || size > kXmlNameBytesMax) return false;
    text_.remove_prefix(size);
    return true;
  }

  // name = "value", with either quote.
  bool Attribute() {
    if (!TagName()) return false;
    while (!text_.empty() && IsSpace(text_.front())) text_.remove_prefix(1);
    if (text_.empty() || text_.front() != '=') return false;
    text_.remove_prefix(1);
    while (!text_.empty() && IsSpace(text_.front())) text_.remove_prefix(1);
    if (text_.empty() || (text_.front() != '"' && text_.front() != '\'')) return false;
    const char quote = text_.front();
    text_.remove_prefix(1);
    const size_t end = text_.find(quote);
    if (end == std::string_view::npos) return false;
    const std::string_view value = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return value.find('<') == std::string_view::npos && ReferencesAreKnown(value);
  }

  bool Characters() {
    const size_t size = std::min(text_.find('<'), text_.size());
    const std::string_view run = text_.substr(0, size);
    text_.remove_prefix(size);
    if (depth_ == 0) return run.find_first_not_of(" \t\r\n") == std::string_view::npos;
    return ReferencesAreKnown(run);
  }

  // Every '&' begins one of the five entities or a reference to a character other than NUL.
  static bool ReferencesAreKnown(std::string_view run) {
    for (size_t at = run.find('&'); at != std::string_view::npos; at = run.find('&', at + 1)) {
      const size_t end = run.find(';', at);
      if (end == std::string_view::npos || end - at > 12) return false;
      const std::string_view name = run.substr(at + 1, end - at - 1);
      if (name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos") {
        continue;
      }
      if (!IsCharacterReference(name)) return false;
    }
    return true;
  }

  static bool IsCharacterReference(std::string_view name) {
    if (!name.starts_with('#')) return false;
    name.remove_prefix(1);
    const bool hex = name.starts_with('x');
    if (hex) name.remove_prefix(1);
    if (name.empty()) return false;
    uint32_t value = 0;
    for (const char c : name) {
      const char lower = AsciiLower(c);
      uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<uint32_t>(c - '0');
      } else if (hex && lower >= 'a' && lower <= 'f') {
        digit = static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        return false;
      }
      value = value * (hex ? 16 : 10) + digit;
      if (value > 0x10FFFF) return false;
    }
    return value != 0 && (value < 0xD800 || value > 0xDFFF);
  }

  std::string_view text_;
  int depth_ = 0;
  int roots_ = 0;
};

}  // namespace

bool IsPlainXml(std::string_view body, size_t bytes_max) {
  if (body.empty() || body.size() > bytes_max) return false;
  if (body.find('\0') != std::string_view::npos || !IsValidUtf8(body)) return false;
  return Lexer(body).Run();
}

}  // namespace ashlar::api_gateway

// Writing XML: escapes, references, elements. See xml.h.

#include <charconv>

#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway {
namespace {

void AppendReference(char32_t code_point, std::string* out) {
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, uint32_t{code_point}, 16).ptr;
  out->append("&#x");
  out->append(digits, end);
  out->push_back(';');
}

// Stands for itself in XML text.
bool IsPlain(char c) {
  return c >= 0x20 && c < 0x7f && c != '&' && c != '<' && c != '>' && c != '"';
}

}  // namespace

void AppendXmlEscaped(std::string_view text, std::string* out) {
  size_t position = 0;
  while (position < text.size()) {
    size_t plain_end = position;
    while (plain_end < text.size() && IsPlain(text[plain_end])) ++plain_end;
    out->append(text, position, plain_end - position);
    position = plain_end;
    if (position == text.size()) return;
    switch (text[position]) {
      case '&': out->append("&amp;"); break;
      case '<': out->append("&lt;"); break;
      case '>': out->append("&gt;"); break;
      case '"': out->append("&quot;"); break;
      default: {
        const char32_t code_point = NextCodePoint(text, &position);
        if (code_point < 0x20 || code_point == 0xFFFE || code_point == 0xFFFF) {
          AppendReference(code_point, out);
        } else {
          AppendUtf8(code_point, out);
        }
        continue;  // NextCodePoint has moved on
      }
    }
    ++position;
  }
}

void XmlWriter::Declaration() { out_->append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"); }

void XmlWriter::Open(std::string_view name) {
  out_->push_back('<');
  out_->append(name);
  out_->push_back('>');
}

void XmlWriter::Open(std::string_view name, std::string_view xmlns) {
  out_->push_back('<');
  out_->append(name);
  out_->append(" xmlns=\"");
  AppendXmlEscaped(xmlns, out_);
  out_->append("\">");
}

void XmlWriter::Close(std::string_view name) {
  out_->append("</");
  out_->append(name);
  out_->push_back('>');
}

void XmlWriter::Text(std::string_view name, std::string_view value) {
  Open(name);
  AppendXmlEscaped(value, out_);
  Close(name);
}

void XmlWriter::Number(std::string_view name, uint64_t value) {
  Open(name);
  char digits[20];
  out_->append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  Close(name);
}

void XmlWriter::Bool(std::string_view name, bool value) { Text(name, value ? "true" : "false"); }

void XmlWriter::Name(std::string_view name, std::string_view value, bool url_encode) {
  Open(name);
  if (url_encode) {
    AppendPercentEncoded(value, Slash::kKeep, out_);
  } else {
    AppendXmlEscaped(value, out_);
  }
  Close(name);
}

}  // namespace ashlar::api_gateway

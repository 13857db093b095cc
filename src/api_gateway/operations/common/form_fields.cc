#include "api_gateway/operations/common/form_fields.h"

#include <algorithm>
#include <iterator>

#include "api_gateway/documents/tagging.h"
#include "api_gateway/http/head_parser.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

// Of an object; in a request of a form they tell of the form.
constexpr std::string_view kContentHeaders[] = {
    "cache-control",    "content-disposition", "content-encoding",
    "content-language", "content-type",        "expires",
};
// x-amz-* that speak of the request, not of the object.
constexpr std::string_view kRequestFields[] = {
    "x-amz-algorithm", "x-amz-content-sha256", "x-amz-credential", "x-amz-date", "x-amz-signature",
};

template <size_t count>
bool IsAmong(std::string_view name, const std::string_view (&names)[count]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// S3 keeps these in ISO 8859-1, where every other character is a space.
std::string ToLatin1(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = NextCodePoint(text, &at);
    out.push_back(c <= 0xff ? static_cast<char>(c) : ' ');
  }
  return out;
}

// The document as the header x-amz-tagging says it. Other documents set no tags, as S3 has it.
S3Result<std::string> TaggingHeader(std::string_view document) {
  pugi::xml_document parsed;
  if (IsPlainXml(document, kTaggingBytesMax) &&
      parsed.load_buffer(document.data(), document.size()) &&
      !LoadXml(document, kTaggingBytesMax, "Tagging", &parsed)) {
    return std::string();
  }
  const auto tags = ParseTagging(document, TagsOf::kObject);
  if (!tags.ok()) return tags.error();
  std::string header;
  for (const auto& [key, value] : *tags) {
    if (!header.empty()) header += '&';
    AppendPercentEncoded(key, Slash::kEncode, &header);
    header += '=';
    AppendPercentEncoded(value, Slash::kEncode, &header);
  }
  return header;
}

// The header that a field becomes; empty: none.
std::string_view HeaderOf(std::string_view field) {
  if (field == "acl") return "x-amz-acl";
  if (field == "tagging") return "x-amz-tagging";
  if (field == "content-md5" || IsAmong(field, kContentHeaders)) return field;
  if (field.starts_with("x-amz-") && !IsAmong(field, kRequestFields)) return field;
  return {};
}

std::optional<S3Error> Adopt(const FormField& field, HttpRequest* request) {
  const std::string_view name = HeaderOf(field.name);
  if (name.empty()) return std::nullopt;
  if (name.starts_with("x-amz-copy-source")) {
    return InvalidArgument("You can only specify a copy source header for copy requests.", name,
                           field.value);
  }
  if (!IsToken(name)) return InvalidArgument("The name of a field is not a header's", name, "");
  if (request->Find(name)) {
    return InvalidArgument("Two fields of the form say the same", field.name, field.value);
  }
  std::string value = field.value;
  if (field.name == "tagging") {
    auto header = TaggingHeader(field.value);
    if (!header.ok()) return header.error();
    if (header->empty()) return std::nullopt;
    value = *std::move(header);
  } else if (!name.starts_with("x-amz-meta-")) {  // which are encoded where they are shown
    if (IsAmong(name, kContentHeaders) && IsValidUtf8(value)) value = ToLatin1(value);
    if (std::any_of(value.begin(), value.end(), IsControl)) {
      return InvalidArgument("Control characters are not allowed in a header", field.name, "");
    }
  }
  request->headers.push_back({name, value});
  return std::nullopt;
}

}  // namespace

std::optional<S3Error> AdoptFormFields(const Form& form, HttpRequest* request) {
  std::erase_if(request->headers,
                [](const Header& header) { return IsAmong(header.name, kContentHeaders); });
  for (const FormField& field : form.fields) {
    if (auto error = Adopt(field, request)) return error;
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway

#include "api_gateway/protocol/xml_walk.h"

#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway {
namespace {

// White space that is all an element holds is kept: " " is a legal key.
constexpr unsigned kParseFlags =
    pugi::parse_escapes | pugi::parse_cdata | pugi::parse_eol | pugi::parse_ws_pcdata_single;
constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

bool LoadXml(std::string_view body, size_t bytes_max, std::string_view root,
             pugi::xml_document* document) {
  if (!IsPlainXml(body, bytes_max)) return false;
  const auto parsed =
      document->load_buffer(body.data(), body.size(), kParseFlags, pugi::encoding_utf8);
  return parsed && document->document_element().name() == root;
}

bool IsXmlElement(const pugi::xml_node& node) { return node.type() == pugi::node_element; }

bool IsIgnorableXml(const pugi::xml_node& node) {
  return node.type() == pugi::node_pcdata &&
         std::string_view(node.value()).find_first_not_of(kSpace) == std::string_view::npos;
}

bool XmlTextOf(const pugi::xml_node& element, std::string* out) {
  out->clear();
  for (const pugi::xml_node& child : element.children()) {
    if (child.type() != pugi::node_pcdata && child.type() != pugi::node_cdata) return false;
    out->append(child.value());
  }
  return true;
}

std::string_view TrimXmlSpace(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace ashlar::api_gateway

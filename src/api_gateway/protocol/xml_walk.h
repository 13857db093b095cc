// Walking the tree of a request body: what the readers of all documents share.
//
// A reader loads the document, which passes the lexical checks of xml.h, and then takes the
// elements that it knows, one by one. Whatever it does not know is MalformedXML.
#pragma once

#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

[[nodiscard]] inline S3Error MalformedXml() { return S3Error(S3Code::kMalformedXml); }

// False: longer than `bytes_max`, not plain XML, or another root element.
[[nodiscard]] bool LoadXml(std::string_view body, size_t bytes_max, std::string_view root,
                           pugi::xml_document* document);

[[nodiscard]] bool IsXmlElement(const pugi::xml_node& node);
// White space between elements.
[[nodiscard]] bool IsIgnorableXml(const pugi::xml_node& node);
// The text of an element; false when it has element children.
[[nodiscard]] bool XmlTextOf(const pugi::xml_node& element, std::string* out);
[[nodiscard]] std::string_view TrimXmlSpace(std::string_view text);

// Calls take(name, node) for every child element; false when something else stands between them or
// `take` refuses one.
template <typename Take>
bool EachXmlElement(const pugi::xml_node& parent, Take take) {
  for (const pugi::xml_node& child : parent.children()) {
    if (IsIgnorableXml(child)) continue;
    if (!IsXmlElement(child) || !take(std::string_view(child.name()), child)) return false;
  }
  return true;
}

// Calls take(name, text) for every child element; false also when one has children.
template <typename Take>
bool EachXmlField(const pugi::xml_node& parent, Take take) {
  std::string text;
  return EachXmlElement(parent, [&](std::string_view name, const pugi::xml_node& child) {
    return XmlTextOf(child, &text) && take(name, text);
  });
}

}  // namespace ashlar::api_gateway

// Oracles: what is accepted is inside the limits and, written again, reads back the same; any text
// that we write is read back by an XML parser as it was.
#include <cstdio>
#include <cstdlib>
#include <pugixml.hpp>
#include <source_location>

#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml.h"

namespace {

using namespace ashlar::api_gateway;  // NOLINT: a program of its own

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

int DepthOf(const pugi::xml_node& node) {
  int depth = 0;
  for (const auto& child : node.children()) depth = std::max(depth, DepthOf(child));
  return depth + (node.type() == pugi::node_element ? 1 : 0);
}

void AcceptedIsWithinLimits(std::string_view body) {
  if (!IsPlainXml(body, 1 << 20)) return;
  Require(IsValidUtf8(body));
  pugi::xml_document document;
  if (document.load_buffer(body.data(), body.size(), pugi::parse_full, pugi::encoding_utf8)) {
    Require(DepthOf(document) <= kXmlDepthMax);
    for (const auto& child : document.children()) Require(child.type() != pugi::node_doctype);
  }
}

void DeleteRoundTrips(std::string_view body) {
  const auto request = ParseDeleteObjects(body);
  if (!request.ok()) return;
  Require(!request->objects.empty() && request->objects.size() <= kDeleteObjectsKeysMax);
  std::string out;
  XmlWriter xml(&out);
  xml.Declaration();
  xml.Open("Delete", kS3Namespace);
  for (const ObjectToDelete& object : request->objects) {
    Require(!object.key.empty());
    xml.Open("Object");
    xml.Text("Key", object.key);
    if (object.version_id) xml.Text("VersionId", *object.version_id);
    xml.Close("Object");
  }
  xml.Bool("Quiet", request->quiet);
  xml.Close("Delete");
  const auto again = ParseDeleteObjects(out);
  if (out.size() > kDeleteObjectsBytesMax) return;
  Require(again.ok() && again->quiet == request->quiet);
  Require(again->objects.size() == request->objects.size());
  for (size_t i = 0; i < request->objects.size(); ++i) {
    Require(again->objects[i].key == request->objects[i].key);
    Require(again->objects[i].version_id == request->objects[i].version_id);
  }
}

void PartsAreInRange(std::string_view body) {
  const auto parts = ParseCompleteMultipartUpload(body);
  if (!parts.ok()) return;
  Require(!parts->empty() && parts->size() <= kCompleteMultipartPartsMax);
  for (const CompletedPart& part : *parts)
    Require(part.part_number >= 1 && part.part_number <= 10000);
}

// A key that is UTF-8 without NUL survives writing and reading.
void TextRoundTrips(std::string_view text) {
  std::string out;
  XmlWriter xml(&out);
  xml.Open("Delete");
  xml.Open("Object");
  xml.Text("Key", text);
  xml.Close("Object");
  xml.Close("Delete");
  const auto request = ParseDeleteObjects(out);
  if (text.empty() || text.find('\0') != std::string_view::npos || text.size() > 4096) return;
  Require(request.ok());
  if (IsValidUtf8(text)) Require(request->objects[0].key == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  AcceptedIsWithinLimits(body);
  DeleteRoundTrips(body);
  PartsAreInRange(body);
  TextRoundTrips(body);
  return 0;
}

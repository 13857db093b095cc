// Schema walks over request bodies. Each knows all its elements; any other is MalformedXML.
#include <algorithm>
#include <array>
#include <pugixml.hpp>

#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway {
namespace {

S3Error Malformed() { return S3Error(S3Code::kMalformedXml); }

// White space that is all an element holds is kept: " " is a legal key.
constexpr unsigned kParseFlags =
    pugi::parse_escapes | pugi::parse_cdata | pugi::parse_eol | pugi::parse_ws_pcdata_single;

bool Load(std::string_view body, size_t bytes_max, std::string_view root,
          pugi::xml_document* document) {
  if (!IsPlainXml(body, bytes_max)) return false;
  const auto parsed =
      document->load_buffer(body.data(), body.size(), kParseFlags, pugi::encoding_utf8);
  return parsed && document->document_element().name() == root;
}

bool IsElement(const pugi::xml_node& node) { return node.type() == pugi::node_element; }

// False for text between elements, which only white space may be.
bool IsIgnorable(const pugi::xml_node& node) {
  return node.type() == pugi::node_pcdata &&
         std::string_view(node.value()).find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// The text of an element without element children.
bool TextOf(const pugi::xml_node& element, std::string* out) {
  out->clear();
  for (const pugi::xml_node& child : element.children()) {
    if (child.type() != pugi::node_pcdata && child.type() != pugi::node_cdata) return false;
    out->append(child.value());
  }
  return true;
}

std::string_view TrimSpace(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string WithoutQuotes(std::string_view etag) {
  etag = TrimSpace(etag);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

// Calls take(name, text) for every child element; false when one has children or take refuses it.
template <typename Take>
bool EachField(const pugi::xml_node& parent, Take take) {
  std::string text;
  for (const pugi::xml_node& child : parent.children()) {
    if (IsIgnorable(child)) continue;
    if (!IsElement(child) || !TextOf(child, &text)) return false;
    if (!take(std::string_view(child.name()), text)) return false;
  }
  return true;
}

bool IsChecksumElement(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {
      "ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

struct RawPart {
  std::optional<std::string> number;
  std::optional<std::string> etag;
  CompletedPart part;

  bool Take(std::string_view name, const std::string& text) {
    if (name == "PartNumber" && !number) {
      number = text;
    } else if (name == "ETag" && !etag) {
      etag = text;
    } else if (IsChecksumElement(name)) {
      const auto same = [name](const auto& sent) { return sent.first == name; };
      if (std::any_of(part.checksums.begin(), part.checksums.end(), same)) return false;
      part.checksums.emplace_back(name, TrimSpace(text));
    } else {
      return false;
    }
    return true;
  }
};

struct RawObject {
  std::optional<std::string> key;
  ObjectToDelete object;

  bool Take(std::string_view name, const std::string& text) {
    if (name == "Key" && !key) {
      key = text;
    } else if (name == "VersionId" && !object.version_id) {
      object.version_id = text;
    } else if (name == "ETag" && !object.etag) {
      object.etag = WithoutQuotes(text);
    } else if (name == "LastModifiedTime" && !object.last_modified_time) {
      object.last_modified_time = std::string(TrimSpace(text));
    } else if (name == "Size" && !object.size) {
      unsigned long long size = 0;
      if (!ParseUnsigned(TrimSpace(text), &size)) return false;
      object.size = size;
    } else {
      return false;
    }
    return true;
  }
};

}  // namespace

S3Result<std::vector<CompletedPart>> ParseCompleteMultipartUpload(std::string_view body) {
  const S3Error no_part(S3Code::kInvalidRequest, "You must specify at least one part");
  if (body.empty()) return no_part;
  pugi::xml_document document;
  if (!Load(body, kCompleteMultipartBytesMax, "CompleteMultipartUpload", &document)) {
    return Malformed();
  }
  std::vector<CompletedPart> parts;
  for (const pugi::xml_node& child : document.document_element().children()) {
    if (IsIgnorable(child)) continue;
    if (!IsElement(child) || std::string_view(child.name()) != "Part") return Malformed();
    if (parts.size() == kCompleteMultipartPartsMax) return Malformed();
    RawPart raw;
    if (!EachField(child, [&raw](std::string_view name, const std::string& text) {
          return raw.Take(name, text);
        })) {
      return Malformed();
    }
    unsigned long long number = 0;
    if (!raw.number || !raw.etag || !ParseUnsigned(TrimSpace(*raw.number), &number)) {
      return Malformed();
    }
    if (number < 1 || number > kCompleteMultipartPartsMax) {
      return InvalidArgument("Part number must be an integer between 1 and 10000, inclusive",
                             "partNumber", *raw.number);
    }
    raw.part.part_number = static_cast<int>(number);
    raw.part.etag = WithoutQuotes(*raw.etag);
    parts.push_back(std::move(raw.part));
  }
  if (parts.empty()) return no_part;
  return parts;
}

S3Result<DeleteObjectsRequest> ParseDeleteObjects(std::string_view body) {
  pugi::xml_document document;
  if (!Load(body, kDeleteObjectsBytesMax, "Delete", &document)) return Malformed();
  DeleteObjectsRequest request;
  bool has_quiet = false;
  for (const pugi::xml_node& child : document.document_element().children()) {
    if (IsIgnorable(child)) continue;
    if (!IsElement(child)) return Malformed();
    const std::string_view name = child.name();
    if (name == "Quiet" && !has_quiet) {
      std::string text;
      if (!TextOf(child, &text)) return Malformed();
      has_quiet = true;
      request.quiet = EqualsIgnoreCase(TrimSpace(text), "true");
      if (!request.quiet && !EqualsIgnoreCase(TrimSpace(text), "false")) return Malformed();
    } else if (name == "Object") {
      if (request.objects.size() == kDeleteObjectsKeysMax) return Malformed();
      RawObject raw;
      if (!EachField(child, [&raw](std::string_view field, const std::string& text) {
            return raw.Take(field, text);
          })) {
        return Malformed();
      }
      if (!raw.key || raw.key->empty()) return Malformed();
      raw.object.key = std::move(*raw.key);
      request.objects.push_back(std::move(raw.object));
    } else {
      return Malformed();
    }
  }
  if (request.objects.empty()) return Malformed();
  return request;
}

S3Result<CreateBucketConfiguration> ParseCreateBucketConfiguration(std::string_view body) {
  CreateBucketConfiguration configuration;
  if (body.empty()) return configuration;
  pugi::xml_document document;
  if (!Load(body, kCreateBucketBytesMax, "CreateBucketConfiguration", &document)) {
    return Malformed();
  }
  bool seen = false;
  const bool ok =
      EachField(document.document_element(), [&](std::string_view name, const std::string& text) {
        if (name != "LocationConstraint" || seen) return false;
        seen = true;
        configuration.location_constraint = TrimSpace(text);
        return true;
      });
  if (!ok) return Malformed();
  return configuration;
}

}  // namespace ashlar::api_gateway

// Schema walks over request bodies. Each knows all its elements; any other is MalformedXML.
#include <algorithm>
#include <array>
#include <pugixml.hpp>

#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

std::string WithoutQuotes(std::string_view etag) {
  etag = TrimXmlSpace(etag);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
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
      part.checksums.emplace_back(name, TrimXmlSpace(text));
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
      object.last_modified_time = std::string(TrimXmlSpace(text));
    } else if (name == "Size" && !object.size) {
      unsigned long long size = 0;
      if (!ParseUnsigned(TrimXmlSpace(text), &size)) return false;
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
  if (!LoadXml(body, kCompleteMultipartBytesMax, "CompleteMultipartUpload", &document)) {
    return MalformedXml();
  }
  std::vector<CompletedPart> parts;
  for (const pugi::xml_node& child : document.document_element().children()) {
    if (IsIgnorableXml(child)) continue;
    if (!IsXmlElement(child) || std::string_view(child.name()) != "Part") return MalformedXml();
    if (parts.size() == kCompleteMultipartPartsMax) return MalformedXml();
    RawPart raw;
    if (!EachXmlField(child, [&raw](std::string_view name, const std::string& text) {
          return raw.Take(name, text);
        })) {
      return MalformedXml();
    }
    unsigned long long number = 0;
    if (!raw.number || !raw.etag || !ParseUnsigned(TrimXmlSpace(*raw.number), &number)) {
      return MalformedXml();
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
  if (!LoadXml(body, kDeleteObjectsBytesMax, "Delete", &document)) return MalformedXml();
  DeleteObjectsRequest request;
  bool has_quiet = false;
  for (const pugi::xml_node& child : document.document_element().children()) {
    if (IsIgnorableXml(child)) continue;
    if (!IsXmlElement(child)) return MalformedXml();
    const std::string_view name = child.name();
    if (name == "Quiet" && !has_quiet) {
      std::string text;
      if (!XmlTextOf(child, &text)) return MalformedXml();
      has_quiet = true;
      request.quiet = EqualsIgnoreCase(TrimXmlSpace(text), "true");
      if (!request.quiet && !EqualsIgnoreCase(TrimXmlSpace(text), "false")) return MalformedXml();
    } else if (name == "Object") {
      if (request.objects.size() == kDeleteObjectsKeysMax) return MalformedXml();
      RawObject raw;
      if (!EachXmlField(child, [&raw](std::string_view field, const std::string& text) {
            return raw.Take(field, text);
          })) {
        return MalformedXml();
      }
      if (!raw.key || raw.key->empty()) return MalformedXml();
      raw.object.key = std::move(*raw.key);
      request.objects.push_back(std::move(raw.object));
    } else {
      return MalformedXml();
    }
  }
  if (request.objects.empty()) return MalformedXml();
  return request;
}

}  // namespace ashlar::api_gateway

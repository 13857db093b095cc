// GetObjectAttributes: what the metadata know of a version, as a document.
//
// Parts are counted for every multipart object; they are listed, by pages, when each has a checksum
// of its own (COMPOSITE uploads).
#include <algorithm>
#include <vector>

#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway::operations {
namespace {

constexpr std::string_view kHeader = "x-amz-object-attributes";
constexpr uint32_t kPartsPerPage = 1000;

struct Wanted {
  bool etag = false;
  bool checksum = false;
  bool object_parts = false;
  bool storage_class = false;
  bool object_size = false;
  uint32_t parts_max = kPartsPerPage;
  uint32_t after_part = 0;
};

bool Want(std::string_view name, Wanted* wanted) {
  const std::pair<std::string_view, bool*> known[] = {
      {"ETag", &wanted->etag},
      {"Checksum", &wanted->checksum},
      {"ObjectParts", &wanted->object_parts},
      {"StorageClass", &wanted->storage_class},
      {"ObjectSize", &wanted->object_size},
  };
  for (const auto& [attribute, field] : known) {
    if (name != attribute) continue;
    *field = true;
    return true;
  }
  return false;
}

S3Result<uint32_t> ParseNumber(const HttpRequest& request, std::string_view name,
                               uint32_t fallback) {
  const auto text = request.Find(name);
  if (!text) return fallback;
  unsigned long long number = 0;
  if (!ParseUnsigned(TrimBlanks(*text), &number) || number > INT32_MAX) {
    return InvalidArgument("Provided " + std::string(name) +
                               " not an integer or within integer "
                               "range",
                           name, *text);
  }
  return static_cast<uint32_t>(number);
}

S3Result<Wanted> ParseWanted(const HttpRequest& request) {
  Wanted wanted;
  bool any = false;
  for (const Header& header : request.headers) {
    if (header.name != kHeader) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      const std::string_view name = TrimBlanks(rest.substr(0, comma));
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      if (name.empty()) continue;
      any = true;
      if (!Want(name, &wanted)) {
        return InvalidArgument("Invalid attribute name specified.", kHeader, name);
      }
    }
  }
  if (!any) {
    return S3Error(S3Code::kInvalidRequest,
                   "The x-amz-object-attributes header specifying the attributes to be retrieved "
                   "is either missing or empty");
  }
  auto parts_max = ParseNumber(request, "x-amz-max-parts", kPartsPerPage);
  if (!parts_max.ok()) return parts_max.error();
  wanted.parts_max = std::min(*parts_max, kPartsPerPage);
  auto after = ParseNumber(request, "x-amz-part-number-marker", 0);
  if (!after.ok()) return after.error();
  wanted.after_part = *after;
  return wanted;
}

struct PartsPage {
  std::vector<const model::Part*> parts;
  bool truncated = false;
};

PartsPage TakePage(const model::ObjectVersion& version, const Wanted& wanted) {
  PartsPage page;
  for (const model::Part& part : version.parts) {
    if (part.number <= wanted.after_part) continue;
    page.truncated = page.parts.size() == wanted.parts_max;
    if (page.truncated) break;
    page.parts.push_back(&part);
  }
  return page;
}

void WriteParts(XmlWriter& xml, const model::ObjectVersion& version, const Wanted& wanted) {
  xml.Open("ObjectParts");
  xml.Number("PartsCount", version.parts.size());
  if (version.checksum.type == model::ChecksumType::kComposite) {
    const PartsPage page = TakePage(version, wanted);
    xml.Number("PartNumberMarker", wanted.after_part);
    xml.Number("NextPartNumberMarker", page.parts.empty() ? 0 : page.parts.back()->number);
    xml.Number("MaxParts", wanted.parts_max);
    xml.Bool("IsTruncated", page.truncated);
    for (const model::Part* part : page.parts) {
      xml.Open("Part");
      xml.Number("PartNumber", part->number);
      xml.Number("Size", part->size);
      model::Checksum checksum = version.checksum;
      checksum.value = part->checksum_value;
      WriteChecksum(xml, checksum, false);
      xml.Close("Part");
    }
  }
  xml.Close("ObjectParts");
}

std::string Render(const model::ObjectVersion& version, const Wanted& wanted) {
  return XmlDocument("GetObjectAttributesResponse", [&](XmlWriter& xml) {
    if (wanted.etag) xml.Text("ETag", version.etag);
    if (wanted.checksum && version.checksum.algorithm != model::ChecksumAlgorithm::kNone) {
      xml.Open("Checksum");
      WriteChecksum(xml, version.checksum, true);
      xml.Close("Checksum");
    }
    if (wanted.object_parts && version.is_multipart) WriteParts(xml, version, wanted);
    if (wanted.storage_class) xml.Text("StorageClass", version.storage_class);
    if (wanted.object_size) xml.Number("ObjectSize", version.size);
  });
}

}  // namespace

Task<Answer> GetObjectAttributes(S3Context& context) {
  auto wanted = ParseWanted(context.request());
  if (!wanted.ok()) co_return wanted.error();
  // They tell of the content what only its readers may know.
  const bool version_named = context.request().HasQuery("versionId");
  if (!MayAlso(context, version_named ? "s3:GetObjectVersion" : "s3:GetObject",
               context.address.key)) {
    co_return S3Error(S3Code::kAccessDenied);
  }
  auto object = co_await FindObject(context);
  if (!object.ok()) co_return object.error();
  const model::ObjectVersion& version = *object->version;
  ResponseHead head;
  head.Add("Last-Modified", FormatHttpDate(version.last_modified_ms / 1000));
  AddVersionHeader(*object->bucket, version, &head);
  co_return co_await SendXmlWith(context, std::move(head), Render(version, *wanted));
}

}  // namespace ashlar::api_gateway::operations

// CopyObject. The copy shares the bytes of its source; what is new are its metadata, its date and,
// for a multipart source, its ETag.
#include "api_gateway/operations/common/attributes.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/object_access.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway::operations {
namespace {

// What the request says about the copy, before the source is looked at.
struct Wishes {
  WriteConditions conditions;
  bool replace_metadata = false;
  bool replace_tags = false;
  std::optional<model::ChecksumAlgorithm> checksum_algorithm;
  object_service::ObjectAttributes attributes;
};

// True: REPLACE. COPY when absent.
S3Result<bool> ParseDirective(const HttpRequest& request, std::string_view header,
                              std::string_view what) {
  const auto directive = request.Find(header);
  if (!directive || EqualsIgnoreCase(*directive, "COPY")) return false;
  if (EqualsIgnoreCase(*directive, "REPLACE")) return true;
  return InvalidArgument("Unknown " + std::string(what) + " directive.", header, *directive);
}

S3Result<Wishes> ParseWishes(const HttpRequest& request, int64_t now_ms) {
  Wishes wishes;
  auto conditions = ParseWriteConditions(request);
  if (!conditions.ok()) return conditions.error();
  wishes.conditions = *std::move(conditions);
  auto replace = ParseDirective(request, "x-amz-metadata-directive", "metadata");
  if (!replace.ok()) return replace.error();
  wishes.replace_metadata = *replace;
  auto replace_tags = ParseDirective(request, "x-amz-tagging-directive", "tagging");
  if (!replace_tags.ok()) return replace_tags.error();
  wishes.replace_tags = *replace_tags;
  if (const auto name = request.Find("x-amz-checksum-algorithm")) {
    const auto algorithm = FindChecksumAlgorithm(TrimBlanks(*name));
    if (!algorithm) {
      return S3Error(S3Code::kInvalidRequest,
                     "Checksum algorithm provided is unsupported. Please try again with any of "
                     "the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
    }
    wishes.checksum_algorithm = StoredAlgorithm(*algorithm);
  }
  auto attributes = CollectAttributes(request, now_ms);
  if (!attributes.ok()) return attributes.error();
  wishes.attributes = *std::move(attributes);
  return wishes;
}

bool IsCopyOntoItself(const S3Context& context, const FoundSource& source) {
  return source.bucket->name == context.address.bucket && source.key == context.address.key &&
         !source.version_named;
}

bool HasBody(const HttpExchange& exchange) {
  return exchange.has_transfer_encoding() || exchange.content_length().value_or(0) > 0;
}

std::string RenderResult(const model::ObjectVersion& version) {
  return XmlDocument("CopyObjectResult", [&version](XmlWriter& xml) {
    xml.Text("LastModified", FormatIso8601(version.last_modified_ms / 1000 * 1000));
    xml.Text("ETag", Quoted(version.etag));
    WriteChecksum(xml, version.checksum, true);
  });
}

}  // namespace

Task<Answer> CopyObject(S3Context& context) {
  if (HasBody(context.exchange)) {
    co_return S3Error(S3Code::kInvalidRequest, "A copy request must not have a body");
  }
  auto wishes = ParseWishes(context.request(), context.clock.WallMilliseconds());
  if (!wishes.ok()) co_return wishes.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  if (auto error = CheckAttributes(**bucket, wishes->attributes)) {
    co_return error;
  }
  if (auto error = SetOwnerAndAcl(context, &wishes->attributes.extras)) co_return error;
  auto source = co_await FindCopySource(context);
  if (!source.ok()) co_return source.error();
  if (IsCopyOntoItself(context, *source) && !wishes->replace_metadata &&
      !context.request().Find("x-amz-storage-class") &&
      wishes->attributes.extras.website_redirect.empty()) {
    co_return S3Error(S3Code::kInvalidRequest,
                      "This copy request is illegal because it is trying to copy an object to "
                      "itself without changing the object's metadata, storage class, website "
                      "redirect location or encryption attributes.");
  }

  object_service::CopyObjectRequest copy;
  copy.source_bucket = source->bucket;
  copy.source_key = source->key;
  copy.source = source->version;
  copy.bucket = *bucket;
  copy.key = context.address.key;
  copy.replace_metadata = wishes->replace_metadata;
  copy.replace_tags = wishes->replace_tags;
  copy.attributes = std::move(wishes->attributes);
  copy.checksum_algorithm = wishes->checksum_algorithm;
  copy.condition = ToWriteCondition(wishes->conditions);
  auto copied = co_await context.objects.CopyObject(std::move(copy));
  if (!copied.ok()) {
    // Without a condition only the source can have gone meanwhile.
    if (copied.code() == Code::kNotFound && !wishes->conditions.if_match) {
      co_return NoSuchKey(source->key);
    }
    co_return WriteFailure(copied.status(), wishes->conditions, context.address.bucket,
                           context.address.key);
  }
  ResponseHead head;
  AddVersionHeader(**bucket, **copied, &head);
  if (source->bucket->versioning != model::Versioning::kNever) {
    head.Add("x-amz-copy-source-version-id", source->version->version_id);
  }
  co_return co_await SendXmlWith(context, std::move(head), RenderResult(**copied));
}

}  // namespace ashlar::api_gateway::operations

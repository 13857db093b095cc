// GetObject and HeadObject.
//
// 1. The order of refusals is: no such key, conditions, part number and range. None is reached
//    without authentication.
// 2. The first bytes are in hand before the head is sent, so that an object that cannot be read is
//    a 503. After the head an error can only break the connection.
// 3. Checksums are shown for a whole object only, also when a range happens to cover all of it, and
//    for a part of a COMPOSITE upload.
#include "api_gateway/operations/common/attributes.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/range.h"

namespace ashlar::api_gateway::operations {
namespace {

// Bodies up to this size go out with their head in one write.
constexpr uint64_t kOneWriteBytesMax = 64 * 1024;

struct Selection {
  ByteRange range;
  bool partial = false;        // 206 with Content-Range
  std::optional<size_t> part;  // index into the version's parts
};

S3Result<Selection> SelectPart(const HttpRequest& request, std::string_view text,
                               const model::ObjectVersion& version) {
  auto number = ParsePartNumber(text);
  if (!number.ok()) return number.error();
  if (request.Find("range")) {
    return S3Error(S3Code::kInvalidRequest,
                   "Cannot specify both Range header and partNumber query parameter");
  }
  const size_t count = version.is_multipart ? version.parts.size() : 1;
  if (*number > count) {
    return S3Error(S3Code::kInvalidPartNumber)
        .With("ActualPartCount", std::to_string(count))
        .With("PartNumberRequested", text);
  }
  Selection selection;
  selection.partial = version.size > 0;
  selection.range.length = version.size;
  if (!version.is_multipart) return selection;
  selection.part = *number - 1;
  for (size_t i = 0; i < *selection.part; ++i) selection.range.first += version.parts[i].size;
  selection.range.length = version.parts[*selection.part].size;
  if (selection.range.length == 0) selection.partial = false;
  return selection;
}

S3Result<Selection> Select(const HttpRequest& request, const model::ObjectVersion& version) {
  if (!request.query.empty()) {
    if (const auto part = request.FindQuery("partNumber")) {
      return SelectPart(request, *part, version);
    }
  }
  Selection selection;
  selection.range.length = version.size;
  const auto header = request.Find("range");
  if (!header) return selection;
  auto range = ParseRange(*header, version.size);
  if (!range.ok()) return range.error();
  if (!*range) return selection;
  selection.range = **range;
  selection.partial = true;
  return selection;
}

void AddChecksums(const model::ObjectVersion& version, const Selection& selection,
                  ResponseHead* head) {
  const bool composite = version.checksum.type == model::ChecksumType::kComposite;
  if (selection.part && composite) {
    model::Checksum checksum = version.checksum;
    checksum.value = version.parts[*selection.part].checksum_value;
    if (!checksum.value.empty()) AddChecksumHeaders(checksum, true, head);
  } else if (selection.range.length == version.size) {
    AddChecksumHeaders(version.checksum, true, head);
  }
}

// Last-Modified, ETag and version: what a 304 carries too.
void AddValidators(const model::Bucket& bucket, const model::ObjectVersion& version,
                   ResponseHead* head) {
  head->Add("Last-Modified", FormatHttpDate(version.last_modified_ms / 1000));
  head->Add("ETag", Quoted(version.etag));
  AddVersionHeader(bucket, version, head);
}

S3Error ConditionFailed(S3Context& context, const FoundObject& object, S3Error error) {
  if (error.code != S3Code::kNotModified) return error;
  ResponseHead head;
  AddValidators(*object.bucket, *object.version, &head);
  for (const auto& [name, value] : object.version->system_headers) {
    if (name == "cache-control" || name == "expires") head.Add(name, value);
  }
  context.error_headers = std::move(head.headers);
  return error;
}

S3Result<ResponseHead> BuildHead(S3Context& context, const FoundObject& object,
                                 const Selection& selection) {
  const model::ObjectVersion& version = *object.version;
  ResponseHead head;
  head.headers.reserve(12);
  head.status = selection.partial ? 206 : 200;
  AddValidators(*object.bucket, version, &head);
  head.Add("Accept-Ranges", "bytes");
  if (selection.partial) {
    head.Add("Content-Range", FormatContentRange(selection.range, version.size));
  }
  if (selection.part) {
    head.Add("x-amz-mp-parts-count", std::to_string(version.parts.size()));
  }
  if (AsksForChecksums(context.request())) AddChecksums(version, selection, &head);
  if (auto error = AddStoredHeaders(version, context.request(), &head)) return *std::move(error);
  return head;
}

uint64_t BytesOf(std::span<const ByteSpan> pieces) {
  uint64_t bytes = 0;
  for (const ByteSpan piece : pieces) bytes += piece.size();
  return bytes;
}

// Collects a small body that came in more than one piece of reading, so that its end is verified
// before its head is sent. `first`: what was read already.
Task<Answer> SendCollected(S3Context& context, ResponseHead head,
                           object_service::ObjectReader* reader, std::span<const ByteSpan> first,
                           uint64_t length) {
  std::string body;
  body.reserve(length);
  for (const ByteSpan piece : first) body += AsText(piece);
  while (body.size() < length) {
    auto pieces = co_await reader->Next();
    if (!pieces.ok()) co_return ReadFailure(pieces.status());
    if (pieces->empty()) co_return S3Error(S3Code::kInternalError);
    for (const ByteSpan piece : *pieces) body += AsText(piece);
  }
  (void)co_await context.exchange.Respond(std::move(head), std::move(body));
  co_return std::nullopt;
}

Task<Answer> Send(S3Context& context, ResponseHead head, object_service::ObjectReader* reader,
                  uint64_t length) {
  HttpExchange& exchange = context.exchange;
  auto pieces = co_await reader->Next();
  if (!pieces.ok()) co_return ReadFailure(pieces.status());
  if (length <= kOneWriteBytesMax && BytesOf(*pieces) < length) {
    co_return co_await SendCollected(context, std::move(head), reader, *pieces, length);
  }
  Status sent = co_await exchange.StartResponse(std::move(head), length);
  uint64_t left = length;
  while (sent.ok() && !pieces->empty()) {
    const uint64_t bytes = BytesOf(*pieces);
    CHECK(bytes <= left);
    left -= bytes;
    sent = co_await exchange.SendBody(*pieces);
    if (!sent.ok() || left == 0) break;
    pieces = co_await reader->Next();
    if (!pieces.ok()) break;
  }
  if (!sent.ok() || left > 0) exchange.BreakResponse();
  co_return std::nullopt;
}

Task<Answer> Read(S3Context& context, bool with_body) {
  // Whoever links to what is public does not choose what a browser takes it for.
  if (context.caller() == nullptr && AsksForOverrides(context.request())) {
    co_return S3Error(S3Code::kInvalidRequest,
                      "Request specific response headers cannot be used for anonymous GET "
                      "requests.");
  }
  auto object = co_await FindObject(context);
  if (!object.ok()) co_return object.error();
  const model::ObjectVersion& version = *object->version;
  const ReadConditions conditions = ParseReadConditions(context.request());
  if (conditions.Any()) {
    auto failed = EvaluateReadConditions(conditions, version.etag, version.last_modified_ms / 1000,
                                         context.NowSeconds());
    if (failed) co_return ConditionFailed(context, *object, *std::move(failed));
  }
  auto selection = Select(context.request(), version);
  if (!selection.ok()) co_return selection.error();
  auto head = BuildHead(context, *object, *selection);
  if (!head.ok()) co_return head.error();
  const uint64_t length = selection->range.length;
  if (!with_body) {
    (void)co_await context.exchange.StartResponse(*std::move(head), length);
    co_return std::nullopt;
  }
  if (length == 0) co_return co_await SendEmpty(context, *std::move(head));
  const std::unique_ptr<object_service::ObjectReader> reader =
      context.objects.OpenReader(object->version, selection->range.first, length);
  co_return co_await Send(context, *std::move(head), reader.get(), length);
}

}  // namespace

Task<Answer> GetObject(S3Context& context) { return Read(context, true); }

Task<Answer> HeadObject(S3Context& context) { return Read(context, false); }

}  // namespace ashlar::api_gateway::operations

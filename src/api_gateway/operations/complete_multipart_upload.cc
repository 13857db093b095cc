// CompleteMultipartUpload.
//
// 1. All that can be refused is refused before the response begins: there is no 200 with an error
//    inside, so nothing needs to be sent early to keep a client waiting (the work is one commit).
// 2. A repeated Complete finds no upload any more; it is passed on, because the object service
//    knows the answer that the first one got.
// 3. x-amz-checksum-* headers are of the object to come, not of the XML document.
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway::operations {
namespace {

using object_service::CompleteRefusal;
using object_service::CompleteUploadRequest;

S3Error InvalidPart(uint32_t number, std::string_view etag, std::string_view upload_id) {
  return S3Error(S3Code::kInvalidPart)
      .With("ETag", etag)
      .With("PartNumber", std::to_string(number))
      .With("UploadId", upload_id);
}

S3Error ModeMismatch(std::string_view mode) {
  return S3Error(S3Code::kInvalidRequest, "The upload was created using the " + std::string(mode) +
                                              " checksum mode. The complete request must use the "
                                              "same checksum mode.");
}

std::optional<S3Error> CheckOrder(const std::vector<CompletedPart>& parts,
                                  std::string_view upload_id) {
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].part_number <= parts[i - 1].part_number) {
      return S3Error(S3Code::kInvalidPartOrder).With("UploadId", upload_id);
    }
  }
  return std::nullopt;
}

// x-amz-checksum-type must be the upload's.
std::optional<S3Error> CheckType(const HttpRequest& request, const model::Upload& upload) {
  const auto type = request.Find("x-amz-checksum-type");
  if (!type) return std::nullopt;
  if (upload.checksum_algorithm == model::ChecksumAlgorithm::kNone) return ModeMismatch("null");
  const std::string_view mode = TypeName(upload.checksum_type);
  if (EqualsIgnoreCase(TrimBlanks(*type), mode)) return std::nullopt;
  return ModeMismatch(mode);
}

// The checksum that the request names for a part; kNone when it names none.
S3Result<model::Checksum> PartChecksumOf(const CompletedPart& part, const model::Upload& upload,
                                         std::string_view upload_id) {
  model::Checksum checksum;
  const auto wanted = NamedAlgorithm(upload.checksum_algorithm);
  for (const auto& [element, value] : part.checksums) {
    const auto algorithm = FindChecksumElement(element);
    if (!wanted || !algorithm) {
      return InvalidPart(static_cast<uint32_t>(part.part_number), part.etag, upload_id);
    }
    if (*algorithm != *wanted) {
      return S3Error(S3Code::kBadDigest,
                     "The " + std::string(NamesOf(*algorithm).lower) + " you specified for part " +
                         std::to_string(part.part_number) + " did not match what we received.");
    }
    checksum.algorithm = upload.checksum_algorithm;
    checksum.value = value;
  }
  const bool composite = upload.checksum_type == model::ChecksumType::kComposite;
  if (wanted && composite && checksum.algorithm == model::ChecksumAlgorithm::kNone) {
    return S3Error(S3Code::kInvalidRequest,
                   "The upload was created using a " + std::string(NamesOf(*wanted).lower) +
                       " checksum. The complete request must include the checksum for each part. "
                       "It was missing for part " +
                       std::to_string(part.part_number) + " in the request.");
  }
  return checksum;
}

// The value of "x-amz-checksum-<algorithm>" for the whole object, if one was sent.
S3Result<std::optional<model::Checksum>> ExpectedChecksum(const HttpRequest& request,
                                                          const model::Upload& upload) {
  std::optional<model::Checksum> expected;
  // What a null-mode upload will get.
  const ChecksumAlgorithm wanted =
      NamedAlgorithm(upload.checksum_algorithm).value_or(ChecksumAlgorithm::kCrc64Nvme);
  for (const Header& header : request.headers) {
    const auto algorithm = FindChecksumHeader(header.name);
    if (!algorithm) continue;
    if (expected) {
      return S3Error(S3Code::kInvalidRequest,
                     "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                     "allowed.");
    }
    if (*algorithm != wanted) return ChecksumMismatch(wanted, true);
    expected.emplace();
    expected->algorithm = StoredAlgorithm(wanted);
    expected->type = upload.checksum_type;
    expected->value = TrimBlanks(header.value);
  }
  return expected;
}

S3Result<std::optional<uint64_t>> AnnouncedSize(const HttpRequest& request) {
  const auto text = request.Find("x-amz-mp-object-size");
  if (!text) return std::optional<uint64_t>();
  unsigned long long size = 0;
  if (!ParseUnsigned(TrimBlanks(*text), &size)) {
    return InvalidArgument("x-amz-mp-object-size is not a number", "x-amz-mp-object-size", *text);
  }
  return std::optional<uint64_t>(size);
}

// Puts together what the object service needs. `upload` is null for a repeated Complete.
S3Result<CompleteUploadRequest> BuildRequest(const HttpRequest& request,
                                             const std::vector<CompletedPart>& parts,
                                             const model::Upload* upload,
                                             std::string_view upload_id) {
  CompleteUploadRequest complete;
  if (upload != nullptr) {
    if (auto error = CheckType(request, *upload)) return *std::move(error);
    auto expected = ExpectedChecksum(request, *upload);
    if (!expected.ok()) return expected.error();
    complete.expected_checksum = *std::move(expected);
  }
  for (const CompletedPart& part : parts) {
    object_service::CompletedPart named;
    named.number = static_cast<uint32_t>(part.part_number);
    named.etag = part.etag;
    if (upload != nullptr) {
      auto checksum = PartChecksumOf(part, *upload, upload_id);
      if (!checksum.ok()) return checksum.error();
      named.checksum = *std::move(checksum);
    }
    complete.parts.push_back(std::move(named));
  }
  auto size = AnnouncedSize(request);
  if (!size.ok()) return size.error();
  complete.object_size = *size;
  return complete;
}

// The first part that the request names and the upload does not have so.
Task<S3Error> FindInvalidPart(S3Context& context, object_service::BucketPtr bucket, UniqueId id,
                              std::vector<CompletedPart> parts) {
  std::vector<model::UploadPart> uploaded;
  uint32_t after = 0;
  while (true) {
    auto page = co_await context.objects.ListParts(bucket, context.address.key, id, after, 1000);
    if (!page.ok()) break;
    uploaded.insert(uploaded.end(), page->parts.begin(), page->parts.end());
    if (!page->truncated || page->parts.empty()) break;
    after = page->parts.back().part.number;
  }
  auto next = uploaded.begin();
  for (const CompletedPart& part : parts) {
    const auto number = static_cast<uint32_t>(part.part_number);
    while (next != uploaded.end() && next->part.number < number) ++next;
    if (next == uploaded.end() || next->part.number != number || next->etag != part.etag) {
      co_return InvalidPart(number, part.etag, id.ToHex());
    }
  }
  co_return S3Error(S3Code::kInvalidPart).With("UploadId", id.ToHex());
}

// What the object service refused, where it said why.
S3Error RefusalError(const CompleteRefusal& refusal, const CompleteUploadRequest& request,
                     const model::Upload* upload) {
  switch (refusal.kind) {
    case CompleteRefusal::Kind::kTooSmall:
      return S3Error(S3Code::kEntityTooSmall)
          .With("ProposedSize", std::to_string(refusal.proposed_size))
          .With("MinSizeAllowed", "5242880")
          .With("PartNumber", std::to_string(refusal.part_number))
          .With("ETag", refusal.etag);
    case CompleteRefusal::Kind::kSizeMismatch:
      return S3Error(S3Code::kInvalidRequest,
                     "The provided 'x-amz-mp-object-size' header value " +
                         std::to_string(request.object_size.value_or(0)) +
                         " does not match what was computed: " + refusal.detail);
    case CompleteRefusal::Kind::kChecksum: {
      const auto algorithm = upload != nullptr ? NamedAlgorithm(upload->checksum_algorithm)
                                               : std::optional<ChecksumAlgorithm>();
      return ChecksumMismatch(algorithm.value_or(ChecksumAlgorithm::kCrc64Nvme), true);
    }
    case CompleteRefusal::Kind::kInvalidPart:
    case CompleteRefusal::Kind::kNone: break;
  }
  return InvalidPart(refusal.part_number, refusal.etag, request.upload_id.ToHex());
}

std::string RenderResult(const S3Context& context, const model::ObjectVersion& version) {
  return XmlDocument("CompleteMultipartUploadResult", [&](XmlWriter& xml) {
    std::string location = context.request().tls ? "https://" : "http://";
    location += context.request().Find("host").value_or("");
    if (!context.address.virtual_host) location += "/" + context.address.bucket;
    location += '/';
    AppendPercentEncoded(context.address.key, Slash::kKeep, &location);
    xml.Text("Location", location);
    xml.Text("Bucket", context.address.bucket);
    xml.Text("Key", context.address.key);
    xml.Text("ETag", Quoted(version.etag));
    WriteChecksum(xml, version.checksum, true);
  });
}

struct Attempt {
  object_service::BucketPtr bucket;
  std::vector<CompletedPart> parts;
  WriteConditions conditions;
  CompleteUploadRequest request;
  std::optional<model::Upload> upload;  // absent when it was completed (or never was)
};

Task<S3Error> ExplainFailure(S3Context& context, const Attempt& attempt, Status status,
                             CompleteRefusal refusal) {
  const UniqueId id = attempt.request.upload_id;
  const model::Upload* const upload = attempt.upload ? &*attempt.upload : nullptr;
  if (status.code() == Code::kNotFound) {
    // The upload, or with If-Match the object.
    auto still_there = co_await LoadUpload(context, attempt.bucket);
    if (!still_there.ok()) co_return still_there.error();
    co_return WriteFailure(status, attempt.conditions, context.address.bucket, context.address.key);
  }
  if (status.code() != Code::kInvalidArgument) {
    co_return WriteFailure(status, attempt.conditions, context.address.bucket, context.address.key);
  }
  if (refusal.kind == CompleteRefusal::Kind::kNone) {
    co_return co_await FindInvalidPart(context, attempt.bucket, id, attempt.parts);
  }
  co_return RefusalError(refusal, attempt.request, upload);
}

// Reads and checks the request.
Task<S3Result<Attempt>> Prepare(S3Context& context) {
  Attempt attempt;
  const std::string_view upload_id = context.request().FindQuery("uploadId").value_or("");
  auto conditions = ParseWriteConditions(context.request());
  if (!conditions.ok()) co_return conditions.error();
  attempt.conditions = *std::move(conditions);
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  attempt.bucket = *std::move(bucket);
  const auto id = ParseUploadId(upload_id);
  if (!id) co_return NoSuchUpload(upload_id);
  auto body = co_await context.verified.ReadSmallBodyChecksumsOfObject(kCompleteMultipartBytesMax);
  if (!body.ok()) co_return body.error();
  auto parts = ParseCompleteMultipartUpload(*body);
  if (!parts.ok()) co_return parts.error();
  attempt.parts = *std::move(parts);
  if (auto error = CheckOrder(attempt.parts, upload_id)) co_return *std::move(error);

  auto upload = co_await context.objects.GetUpload(attempt.bucket, context.address.key, *id);
  if (upload.ok()) {
    attempt.upload = std::move(*upload);
  } else if (upload.code() != Code::kNotFound) {
    co_return ReadFailure(upload.status());
  }
  auto request = BuildRequest(context.request(), attempt.parts,
                              attempt.upload ? &*attempt.upload : nullptr, upload_id);
  if (!request.ok()) co_return request.error();
  attempt.request = *std::move(request);
  attempt.request.bucket = attempt.bucket;
  attempt.request.key = context.address.key;
  attempt.request.upload_id = *id;
  attempt.request.condition = ToWriteCondition(attempt.conditions);
  co_return attempt;
}

}  // namespace

Task<Answer> CompleteMultipartUpload(S3Context& context) {
  auto attempt = co_await Prepare(context);
  if (!attempt.ok()) co_return attempt.error();
  CompleteRefusal refusal;
  auto completed = co_await context.objects.CompleteUpload(attempt->request, &refusal);
  if (!completed.ok()) {
    co_return co_await ExplainFailure(context, *attempt, completed.status(), refusal);
  }
  ResponseHead head;
  if (attempt->bucket->versioning == model::Versioning::kEnabled) {
    head.Add("x-amz-version-id", (*completed)->version_id);
  }
  co_return co_await SendXmlWith(context, std::move(head), RenderResult(context, **completed));
}

}  // namespace ashlar::api_gateway::operations

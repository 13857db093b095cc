// CompleteMultipartUpload: the parts' slices in order become one version, in one transaction. No
// byte is copied. What S3 checks is a pure decision on the upload and its parts (Assemble).
#include "object_service/checksums.h"
#include "object_service/internal/service.h"

namespace ashlar::object_service {
namespace {

using Kind = CompleteRefusal::Kind;

Status Refuse(CompleteRefusal* refusal, Kind kind, const model::UploadPart* part,
              std::string detail) {
  refusal->kind = kind;
  if (part != nullptr) {
    refusal->part_number = part->part.number;
    refusal->proposed_size = part->part.size;
    refusal->etag = part->etag;
  }
  refusal->detail = detail;
  return {Code::kInvalidArgument, std::move(detail)};
}

// MD5 over the binary MD5s of the parts, "-N".
std::string MultipartEtag(const std::vector<model::UploadPart>& parts) {
  Md5Hasher hasher;
  for (const model::UploadPart& part : parts) {
    std::string raw;
    CHECK(HexDecode(part.etag, &raw));
    hasher.Update(AsBytes(raw));
  }
  return HexEncode(hasher.Finish()) + "-" + std::to_string(parts.size());
}

Status CheckParts(const CompleteUploadRequest& request, const model::Upload& upload,
                  const std::vector<model::UploadPart>& parts, uint64_t part_bytes_min,
                  CompleteRefusal* refusal) {
  CHECK(parts.size() == request.parts.size());
  uint64_t total = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const model::Checksum& named = request.parts[i].checksum;
    if (named.algorithm != model::ChecksumAlgorithm::kNone &&
        (upload.checksum_algorithm == model::ChecksumAlgorithm::kNone ||
         named.algorithm != parts[i].checksum.algorithm ||
         named.value != parts[i].checksum.value)) {
      return Refuse(refusal, Kind::kInvalidPart, &parts[i],
                    "a part's checksum is not the one that was uploaded");
    }
    if (i + 1 < parts.size() && parts[i].part.size < part_bytes_min) {
      return Refuse(refusal, Kind::kTooSmall, &parts[i], "a part is too small");
    }
    total += parts[i].part.size;
  }
  if (request.object_size && *request.object_size != total) {
    return Refuse(refusal, Kind::kSizeMismatch, nullptr, std::to_string(total));
  }
  return Status::Ok();
}

Result<model::Checksum> ObjectChecksum(const model::Upload& upload,
                                       const std::vector<model::UploadPart>& parts) {
  const bool null_mode = upload.checksum_algorithm == model::ChecksumAlgorithm::kNone;
  std::vector<PartChecksumValue> values;
  for (const model::UploadPart& part : parts) {
    values.push_back({null_mode ? part.part.checksum_value : part.checksum.value, part.part.size});
  }
  if (null_mode) {
    return CombinePartChecksums(model::ChecksumAlgorithm::kCrc64Nvme,
                                model::ChecksumType::kFullObject, values);
  }
  return CombinePartChecksums(upload.checksum_algorithm, upload.checksum_type, values);
}

Result<model::ObjectVersion> Assemble(const CompleteUploadRequest& request, uint64_t part_bytes_min,
                                      CompleteRefusal* refusal, const model::Upload& upload,
                                      const std::vector<model::UploadPart>& parts) {
  RETURN_IF_ERROR(CheckParts(request, upload, parts, part_bytes_min, refusal));
  Result<model::Checksum> checksum = ObjectChecksum(upload, parts);
  if (!checksum.ok()) {
    return Refuse(refusal, Kind::kChecksum, nullptr, checksum.status().message());
  }
  if (request.expected_checksum) {
    std::string expected = request.expected_checksum->value;
    // A composite value may be given without the number of parts.
    if (checksum->type == model::ChecksumType::kComposite &&
        expected.find('-') == std::string::npos) {
      expected += "-" + std::to_string(parts.size());
    }
    if (request.expected_checksum->algorithm != checksum->algorithm ||
        expected != checksum->value) {
      return Refuse(refusal, Kind::kChecksum, nullptr, "the object's checksum differs");
    }
  }
  model::ObjectVersion version;
  version.is_multipart = true;
  version.etag = MultipartEtag(parts);
  version.storage_class = upload.storage_class;
  version.system_headers = upload.system_headers;
  version.user_metadata = upload.user_metadata;
  version.extras = upload.extras;
  version.checksum = std::move(*checksum);
  const bool composite = version.checksum.type == model::ChecksumType::kComposite;
  for (const model::UploadPart& part : parts) {
    version.size += part.part.size;
    version.parts.push_back(part.part);
    version.parts.back().checksum_value = composite ? part.checksum.value : std::string();
  }
  return version;
}

}  // namespace

Task<Result<VersionPtr>> ObjectService::CompleteUpload(CompleteUploadRequest request,
                                                       CompleteRefusal* refusal) {
  metadata_db::CompleteUploadChange change;
  change.bucket = request.bucket->id;
  change.key = request.key;
  change.upload_id = request.upload_id;
  for (const CompletedPart& part : request.parts) {
    change.parts.push_back({part.number, part.etag});
  }
  change.condition = request.condition;
  const uint64_t part_bytes_min = impl_->core.options.part_bytes_min;
  // Runs on the commit thread while this frame waits for it.
  const CompleteUploadRequest* const request_view = &request;
  change.assemble = [request_view, part_bytes_min, refusal](
                        const model::Upload& upload, const std::vector<model::UploadPart>& parts) {
    return Assemble(*request_view, part_bytes_min, refusal, upload, parts);
  };
  co_return co_await impl_->core.deps.metadata.CompleteUpload(std::move(change));
}

}  // namespace ashlar::object_service

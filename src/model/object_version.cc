// Rows of object versions, manifests, uploads and uploaded parts.
//
// Object version, version 1 (varints unless a size is given):
//   format (1 byte = 1) | flags (1) | sequence | [version id] | size | ETag | last modified |
//   [storage class] | system headers | user metadata | [checksum] | [extras] | manifest
//   flags: 1 delete marker, 2 multipart, 4 a version id follows (else "null"), 8 a storage class
//   follows (else STANDARD), 16 a checksum follows, 32 extras follow (model/internal/fields.h)
// ETag: form (1): 0 text; 1 MD5 (16 bytes); 2 MD5 of parts (16 bytes) and their number.
// Manifest: number of parts, then for each: number | size | checksum text | number of slices |
//   slices (extent id (16), offset, length). It stands last, so that a listing stops before it.
// The common texts are left out on purpose: the row of a small object takes about 150 bytes, and
// the size of this row decides how many fit in a page of a listing and in the cache.
#include "model/object_version.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "model/internal/fields.h"

namespace ashlar::model {
namespace {

using internal::Finish;
using internal::kRowFormat;
using internal::PutChecksum;
using internal::PutExtras;
using internal::PutHeaders;
using internal::PutMilliseconds;
using internal::PutSlice;
using internal::TakeChecksum;
using internal::TakeEnum;
using internal::TakeExtras;
using internal::TakeHeaders;
using internal::TakeId;
using internal::TakeMilliseconds;
using internal::TakeSlice;
using internal::TakeText;
using internal::TakeVarint32;

constexpr uint8_t kFlagDeleteMarker = 1;
constexpr uint8_t kFlagMultipart = 2;
constexpr uint8_t kFlagVersionId = 4;
constexpr uint8_t kFlagStorageClass = 8;
constexpr uint8_t kFlagChecksum = 16;
constexpr uint8_t kFlagExtras = 32;
constexpr uint8_t kFlagsKnown = 63;

// Second version: uploads without extras were the first.
constexpr uint8_t kUploadFormat = 2;

constexpr uint8_t kEtagText = 0;
constexpr uint8_t kEtagMd5 = 1;
constexpr uint8_t kEtagMultipart = 2;

constexpr uint64_t kPartsMax = 10'000;
constexpr size_t kPartBytesMin = 4;
constexpr size_t kSliceBytesMin = 18;

constexpr char kStandardClass[] = "STANDARD";
constexpr char kNullVersion[] = "null";

Status UnknownVersion(const char* what) {
  return Status(Code::kCorrupt, std::string(what) + ": unknown version");
}

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The number behind "-" of a multipart ETag; 0 when it is not written the one way we write it.
uint32_t MultipartCount(std::string_view digits) {
  if (digits.empty() || digits.size() > 5 || digits[0] == '0') return 0;
  uint32_t count = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return 0;
    count = count * 10 + static_cast<uint32_t>(digit - '0');
  }
  return count;
}

void PutEtag(Encoder& out, std::string_view etag) {
  std::string md5;
  if (etag.size() >= 32 && IsLowerHex(etag.substr(0, 32))) {
    if (etag.size() == 32 && HexDecode(etag, &md5)) {
      out.U8(kEtagMd5);
      out.Raw(AsBytes(md5));
      return;
    }
    const uint32_t count =
        etag.size() > 33 && etag[32] == '-' ? MultipartCount(etag.substr(33)) : 0;
    if (count > 0 && HexDecode(etag.substr(0, 32), &md5)) {
      out.U8(kEtagMultipart);
      out.Raw(AsBytes(md5));
      out.Varint(count);
      return;
    }
  }
  out.U8(kEtagText);
  out.Text(etag);
}

std::string TakeEtag(Decoder& in) {
  const uint8_t form = in.U8();
  if (form == kEtagText) return TakeText(in);
  if (form != kEtagMd5 && form != kEtagMultipart) {
    in.Fail();
    return {};
  }
  std::string etag = HexEncode(AsBytes(in.Raw(16)));
  if (form == kEtagMultipart) {
    const uint32_t count = TakeVarint32(in);
    // What MultipartCount reads back, else the row would not survive a rewrite.
    if (count == 0 || count > 99'999) in.Fail();
    etag += '-';
    etag += std::to_string(count);
  }
  return etag;
}

uint64_t SliceBytes(const Part& part) {
  uint64_t sum = 0;
  for (const Slice& slice : part.slices) sum += slice.length;
  return sum;
}

void PutPart(Encoder& out, const Part& part) {
  // A row whose slices do not make up the part could never be read again.
  CHECK(SliceBytes(part) == part.size);
  out.Varint(part.number);
  out.Varint(part.size);
  out.Text(part.checksum_value);
  out.Varint(part.slices.size());
  for (const Slice& slice : part.slices) PutSlice(out, slice);
}

Part TakePart(Decoder& in) {
  Part part;
  part.number = TakeVarint32(in);
  part.size = in.Varint();
  part.checksum_value = TakeText(in);
  const uint64_t count = in.Varint();
  if (count > in.remaining() / kSliceBytesMin) {
    in.Fail();
    return part;
  }
  part.slices.reserve(count);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    part.slices.push_back(TakeSlice(in));
    // Readers add these up: no sum of a row may wrap around.
    if (__builtin_add_overflow(sum, part.slices.back().length, &sum)) in.Fail();
  }
  if (sum != part.size) in.Fail();
  return part;
}

void PutParts(Encoder& out, const std::vector<Part>& parts) {
  out.Varint(parts.size());
  for (const Part& part : parts) PutPart(out, part);
}

std::vector<Part> TakeParts(Decoder& in) {
  const uint64_t count = in.Varint();
  if (count > kPartsMax || count > in.remaining() / kPartBytesMin) {
    in.Fail();
    return {};
  }
  std::vector<Part> parts;
  parts.reserve(count);
  for (uint64_t i = 0; i < count && in.ok(); ++i) parts.push_back(TakePart(in));
  return parts;
}

// All fields before the manifest.
ObjectVersion TakeVersion(Decoder& in) {
  ObjectVersion version;
  const uint8_t flags = in.U8();
  if ((flags & ~kFlagsKnown) != 0) in.Fail();
  version.kind = (flags & kFlagDeleteMarker) != 0 ? ObjectKind::kDeleteMarker : ObjectKind::kData;
  version.is_multipart = (flags & kFlagMultipart) != 0;
  version.sequence.value = in.Varint();
  if ((flags & kFlagVersionId) != 0) version.version_id = TakeText(in);
  version.size = in.Varint();
  version.etag = TakeEtag(in);
  version.last_modified_ms = TakeMilliseconds(in);
  if ((flags & kFlagStorageClass) != 0) version.storage_class = TakeText(in);
  version.system_headers = TakeHeaders(in);
  version.user_metadata = TakeHeaders(in);
  if ((flags & kFlagChecksum) != 0) version.checksum = TakeChecksum(in);
  if ((flags & kFlagExtras) != 0) version.extras = TakeExtras(in);
  return version;
}

}  // namespace

bool IsLocked(const ObjectLock& lock, int64_t now_ms, bool bypass_governance) {
  if (lock.legal_hold == LegalHold::kOn) return true;
  if (lock.mode == RetentionMode::kNone || lock.retain_until_ms <= now_ms) return false;
  return lock.mode == RetentionMode::kCompliance || !bypass_governance;
}

std::vector<Slice> SlicesOfRange(const std::vector<Part>& parts, uint64_t offset, uint64_t length) {
  std::vector<Slice> slices;
  for (const Part& part : parts) {
    for (const Slice& slice : part.slices) {
      if (length == 0) return slices;
      if (offset >= slice.length) {
        offset -= slice.length;
        continue;
      }
      const uint64_t run = std::min(slice.length - offset, length);
      slices.push_back(Slice{slice.extent, slice.offset + offset, run});
      offset = 0;
      length -= run;
    }
  }
  CHECK(length == 0);
  return slices;
}

ObjectLock LockOfNewVersion(const Bucket& bucket, const ObjectLock& own, int64_t written_ms) {
  const DefaultRetention& fallback = bucket.default_retention;
  if (!bucket.object_lock || own.mode != RetentionMode::kNone ||
      fallback.mode == RetentionMode::kNone) {
    return own;
  }
  const int64_t days = int64_t{fallback.days} + int64_t{fallback.years} * 365;
  ObjectLock lock = own;
  lock.mode = fallback.mode;
  lock.retain_until_ms = written_ms + days * 24 * 3600 * 1000;
  return lock;
}

std::string EncodeObjectVersion(const ObjectVersion& version) {
  std::string row;
  row.reserve(256);
  Encoder out(&row);
  out.U8(kRowFormat);
  const bool has_version_id = version.version_id != kNullVersion;
  const bool has_class = version.storage_class != kStandardClass;
  const bool has_checksum = version.checksum != Checksum{};
  const bool has_extras = version.extras != ObjectExtras{};
  out.U8(static_cast<uint8_t>((version.kind == ObjectKind::kDeleteMarker ? kFlagDeleteMarker : 0) |
                              (version.is_multipart ? kFlagMultipart : 0) |
                              (has_version_id ? kFlagVersionId : 0) |
                              (has_class ? kFlagStorageClass : 0) |
                              (has_checksum ? kFlagChecksum : 0) | (has_extras ? kFlagExtras : 0)));
  out.Varint(version.sequence.value);
  if (has_version_id) out.Text(version.version_id);
  out.Varint(version.size);
  PutEtag(out, version.etag);
  PutMilliseconds(out, version.last_modified_ms);
  if (has_class) out.Text(version.storage_class);
  PutHeaders(out, version.system_headers);
  PutHeaders(out, version.user_metadata);
  if (has_checksum) PutChecksum(out, version.checksum);
  if (has_extras) PutExtras(out, version.extras);
  PutParts(out, version.parts);
  return row;
}

Result<ObjectVersion> DecodeObjectVersion(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kRowFormat) return UnknownVersion("object version");
  ObjectVersion version = TakeVersion(in);
  version.parts = TakeParts(in);
  RETURN_IF_ERROR(Finish(in, "object version"));
  return version;
}

Result<ObjectVersion> DecodeObjectVersionSummary(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kRowFormat) return UnknownVersion("object version");
  ObjectVersion version = TakeVersion(in);
  if (!in.ok()) return Status(Code::kCorrupt, "object version: length or field out of range");
  return version;
}

std::string EncodeManifest(const std::vector<Part>& parts) {
  std::string row;
  Encoder out(&row);
  out.U8(kRowFormat);
  PutParts(out, parts);
  return row;
}

Result<std::vector<Part>> DecodeManifest(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kRowFormat) return UnknownVersion("manifest");
  std::vector<Part> parts = TakeParts(in);
  RETURN_IF_ERROR(Finish(in, "manifest"));
  return parts;
}

std::string EncodeUpload(const Upload& upload) {
  std::string row;
  Encoder out(&row);
  out.U8(kUploadFormat);
  out.Raw(upload.id.bytes);
  out.Varint(upload.bucket.value);
  out.Text(upload.key);
  out.Text(upload.owner);
  PutMilliseconds(out, upload.initiated_ms);
  out.Varint(upload.key_sequence.value);
  out.Text(upload.storage_class);
  PutHeaders(out, upload.system_headers);
  PutHeaders(out, upload.user_metadata);
  out.U8(static_cast<uint8_t>(upload.checksum_algorithm));
  out.U8(static_cast<uint8_t>(upload.checksum_type));
  PutExtras(out, upload.extras);
  return row;
}

Result<Upload> DecodeUpload(std::string_view row) {
  Decoder in(row);
  const uint8_t format = in.U8();
  if (format != kRowFormat && format != kUploadFormat) return UnknownVersion("upload");
  Upload upload;
  upload.id = TakeId(in);
  upload.bucket.value = in.Varint();
  upload.key = TakeText(in);
  upload.owner = TakeText(in);
  upload.initiated_ms = TakeMilliseconds(in);
  upload.key_sequence.value = in.Varint();
  upload.storage_class = TakeText(in);
  upload.system_headers = TakeHeaders(in);
  upload.user_metadata = TakeHeaders(in);
  upload.checksum_algorithm = TakeEnum(in, ChecksumAlgorithm::kSha256);
  upload.checksum_type = TakeEnum(in, ChecksumType::kComposite);
  if (format == kUploadFormat) upload.extras = TakeExtras(in);
  RETURN_IF_ERROR(Finish(in, "upload"));
  return upload;
}

std::string EncodeUploadPart(const UploadPart& part) {
  std::string row;
  Encoder out(&row);
  out.U8(kRowFormat);
  out.Varint(part.sequence.value);
  PutEtag(out, part.etag);
  PutMilliseconds(out, part.last_modified_ms);
  PutChecksum(out, part.checksum);
  PutPart(out, part.part);
  return row;
}

Result<UploadPart> DecodeUploadPart(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kRowFormat) return UnknownVersion("uploaded part");
  UploadPart part;
  part.sequence.value = in.Varint();
  part.etag = TakeEtag(in);
  part.last_modified_ms = TakeMilliseconds(in);
  part.checksum = TakeChecksum(in);
  part.part = TakePart(in);
  RETURN_IF_ERROR(Finish(in, "uploaded part"));
  return part;
}

}  // namespace ashlar::model

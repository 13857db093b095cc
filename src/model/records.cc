// Rows of buckets, repair orders, reclaim records, dead shards and outbox events, and the directory
// inside an extent. Each begins with a format byte; the fields follow in the order of the code.
// Integers are LEB128 varints, except in the directory, where they have a fixed width: its space is
// reserved before all values are known.
#include <cstring>

#include "model/internal/fields.h"
#include "model/object_version.h"
#include "model/shard_record.h"

namespace ashlar::model {

namespace internal {

void PutHeaders(Encoder& out, const HeaderList& headers) {
  out.Varint(headers.size());
  for (const auto& [name, value] : headers) {
    out.Text(name);
    out.Text(value);
  }
}

HeaderList TakeHeaders(Decoder& in) {
  const uint64_t count = in.Varint();
  // Each header takes two bytes at least, so the bytes at hand bound the reservation.
  if (count > kHeadersMax || count > in.remaining() / 2) {
    in.Fail();
    return {};
  }
  HeaderList headers;
  headers.reserve(count);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name = TakeText(in);
    headers.emplace_back(std::move(name), TakeText(in));
  }
  return headers;
}

namespace {

constexpr uint8_t kExtrasOwner = 1;
constexpr uint8_t kExtrasAcl = 2;
constexpr uint8_t kExtrasTags = 4;
constexpr uint8_t kExtrasLock = 8;
constexpr uint8_t kExtrasRedirect = 16;
constexpr uint8_t kExtrasKnown = 31;

}  // namespace

void PutExtras(Encoder& out, const ObjectExtras& extras) {
  const bool has_lock = extras.lock != ObjectLock{};
  out.U8(static_cast<uint8_t>(
      (extras.owner.empty() ? 0 : kExtrasOwner) | (extras.acl.empty() ? 0 : kExtrasAcl) |
      (extras.tags.empty() ? 0 : kExtrasTags) | (has_lock ? kExtrasLock : 0) |
      (extras.website_redirect.empty() ? 0 : kExtrasRedirect)));
  if (!extras.owner.empty()) out.Text(extras.owner);
  if (!extras.acl.empty()) out.Text(extras.acl);
  if (!extras.tags.empty()) PutHeaders(out, extras.tags);
  if (has_lock) {
    out.U8(static_cast<uint8_t>(extras.lock.mode));
    out.U8(static_cast<uint8_t>(extras.lock.legal_hold));
    PutMilliseconds(out, extras.lock.retain_until_ms);
  }
  if (!extras.website_redirect.empty()) out.Text(extras.website_redirect);
}

ObjectExtras TakeExtras(Decoder& in) {
  ObjectExtras extras;
  const uint8_t mask = in.U8();
  if ((mask & ~kExtrasKnown) != 0) in.Fail();
  if ((mask & kExtrasOwner) != 0) extras.owner = TakeText(in);
  if ((mask & kExtrasAcl) != 0) extras.acl = TakeText(in);
  if ((mask & kExtrasTags) != 0) extras.tags = TakeHeaders(in);
  if ((mask & kExtrasLock) != 0) {
    extras.lock.mode = TakeEnum(in, RetentionMode::kCompliance);
    extras.lock.legal_hold = TakeEnum(in, LegalHold::kOn);
    extras.lock.retain_until_ms = TakeMilliseconds(in);
  }
  if ((mask & kExtrasRedirect) != 0) extras.website_redirect = TakeText(in);
  return extras;
}

Status Finish(const Decoder& in, const char* what) {
  if (in.ok() && in.AtEnd()) return Status::Ok();
  return Status(Code::kCorrupt, std::string(what) + ": length or field out of range");
}

}  // namespace internal

using internal::Finish;
using internal::kRowFormat;
using internal::PutChecksum;
using internal::PutExtras;
using internal::PutHeaders;
using internal::PutMilliseconds;
using internal::PutSlice;
using internal::TakeBool;
using internal::TakeChecksum;
using internal::TakeEnum;
using internal::TakeExtras;
using internal::TakeHeaders;
using internal::TakeId;
using internal::TakeMilliseconds;
using internal::TakeSlice;
using internal::TakeText;
using internal::TakeVarint32;

namespace {

// Later versions: a reclaim record without its phase, an event without its first slice, a bucket
// without lock and configurations, and a directory without checksum and storage class were the
// first; a directory without extras was the second.
constexpr uint8_t kReclaimFormat = 2;
constexpr uint8_t kEventFormat = 2;
constexpr uint8_t kBucketFormat = 2;
constexpr uint8_t kDirectoryWithoutExtras = 2;
constexpr uint8_t kDirectoryFormat = 3;
// The byte of a directory's entry that was `last` alone once.
constexpr uint8_t kEntryLast = 1;
constexpr uint8_t kEntryMoved = 2;
constexpr uint64_t kConfigurationsMax = 4096;

constexpr size_t kEntryBytesMin = 16 + 16 + 4 + 8 + 8 + 8 + 1 + 8 + 16 + 8 + 4 + 4;

Status UnknownVersion(const char* what) {
  return Status(Code::kCorrupt, std::string(what) + ": unknown version");
}

void PutEntry(Encoder& out, const DirectoryEntry& entry) {
  out.Raw(entry.write_id.bytes);
  out.Raw(entry.upload_id.bytes);
  out.U32(entry.part_number);
  out.U64(entry.object_offset);
  out.U64(entry.extent_offset);
  out.U64(entry.length);
  out.U8((entry.last ? kEntryLast : 0) | (entry.moved ? kEntryMoved : 0));
  out.U64(entry.object_size);
  out.Raw(entry.md5);
  out.U64(static_cast<uint64_t>(entry.time_ms));
  out.Text(entry.bucket);
  out.Text(entry.key);
  PutChecksum(out, entry.checksum);
  out.Text(entry.storage_class);
  PutHeaders(out, entry.system_headers);
  PutHeaders(out, entry.user_metadata);
  PutExtras(out, entry.extras);
}

DirectoryEntry TakeEntry(Decoder& in, uint8_t format) {
  DirectoryEntry entry;
  entry.write_id = TakeId(in);
  entry.upload_id = TakeId(in);
  entry.part_number = in.U32();
  entry.object_offset = in.U64();
  entry.extent_offset = in.U64();
  entry.length = in.U64();
  const uint8_t marks = in.U8();
  if (marks > (kEntryLast | kEntryMoved)) in.Fail();
  entry.last = (marks & kEntryLast) != 0;
  entry.moved = (marks & kEntryMoved) != 0;
  entry.object_size = in.U64();
  const std::string_view md5 = in.Raw(entry.md5.size());
  if (md5.size() == entry.md5.size()) std::memcpy(entry.md5.data(), md5.data(), md5.size());
  entry.time_ms = static_cast<int64_t>(in.U64());
  entry.bucket = TakeText(in);
  entry.key = TakeText(in);
  entry.checksum = TakeChecksum(in);
  entry.storage_class = TakeText(in);
  entry.system_headers = TakeHeaders(in);
  entry.user_metadata = TakeHeaders(in);
  if (format == kDirectoryFormat) entry.extras = TakeExtras(in);
  return entry;
}

}  // namespace

std::string EncodeBucket(const Bucket& bucket) {
  std::string row;
  Encoder out(&row);
  out.U8(kBucketFormat);
  out.Varint(bucket.id.value);
  out.Text(bucket.name);
  out.Text(bucket.owner);
  out.Text(bucket.region);
  PutMilliseconds(out, bucket.created_ms);
  out.U8(static_cast<uint8_t>(bucket.versioning));
  out.U8(bucket.object_lock ? 1 : 0);
  out.U8(static_cast<uint8_t>(bucket.default_retention.mode));
  out.Varint(bucket.default_retention.days);
  out.Varint(bucket.default_retention.years);
  out.Varint(bucket.configurations.size());
  for (const auto& [name, document] : bucket.configurations) {
    out.Text(name);
    out.Text(document);
  }
  return row;
}

namespace {

void TakeBucketSettings(Decoder& in, Bucket* bucket) {
  bucket->object_lock = TakeBool(in);
  bucket->default_retention.mode = TakeEnum(in, RetentionMode::kCompliance);
  bucket->default_retention.days = TakeVarint32(in);
  bucket->default_retention.years = TakeVarint32(in);
  const uint64_t count = in.Varint();
  if (count > kConfigurationsMax) in.Fail();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name = TakeText(in);
    std::string document = TakeText(in);
    if (!bucket->configurations.emplace(std::move(name), std::move(document)).second) in.Fail();
  }
}

}  // namespace

Result<Bucket> DecodeBucket(std::string_view row) {
  Decoder in(row);
  const uint8_t format = in.U8();
  if (format != kRowFormat && format != kBucketFormat) return UnknownVersion("bucket row");
  Bucket bucket;
  bucket.id.value = in.Varint();
  bucket.name = TakeText(in);
  bucket.owner = TakeText(in);
  bucket.region = TakeText(in);
  bucket.created_ms = TakeMilliseconds(in);
  bucket.versioning = TakeEnum(in, Versioning::kSuspended);
  if (format == kBucketFormat) TakeBucketSettings(in, &bucket);
  RETURN_IF_ERROR(Finish(in, "bucket row"));
  return bucket;
}

std::string EncodeRepairOrder(const RepairOrder& order) {
  std::string row;
  Encoder out(&row);
  out.U8(kRowFormat);
  out.Raw(order.extent.bytes);
  out.U8(order.shard.value);
  out.U8(static_cast<uint8_t>(order.reason));
  PutMilliseconds(out, order.noted_ms);
  return row;
}

Result<RepairOrder> DecodeRepairOrder(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kRowFormat) return UnknownVersion("repair order");
  RepairOrder order;
  order.extent = TakeId(in);
  order.shard.value = in.U8();
  order.reason = TakeEnum(in, RepairReason::kUnreadable);
  order.noted_ms = TakeMilliseconds(in);
  RETURN_IF_ERROR(Finish(in, "repair order"));
  return order;
}

std::string EncodeReclaimRecord(const ReclaimRecord& record) {
  std::string row;
  Encoder out(&row);
  out.U8(kReclaimFormat);
  out.Raw(record.extent.bytes);
  out.U8(static_cast<uint8_t>(record.cause));
  PutMilliseconds(out, record.dead_since_ms);
  out.U8(static_cast<uint8_t>(record.phase));
  out.Varint(static_cast<uint64_t>(record.phase_at_s));
  PutMilliseconds(out, record.phase_since_ms);
  return row;
}

Result<ReclaimRecord> DecodeReclaimRecord(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kReclaimFormat) return UnknownVersion("reclaim record");
  ReclaimRecord record;
  record.extent = TakeId(in);
  record.cause = TakeEnum(in, ReclaimCause::kOrphan);
  record.dead_since_ms = TakeMilliseconds(in);
  record.phase = TakeEnum(in, ReclaimPhase::kTrash);
  record.phase_at_s = static_cast<int64_t>(in.Varint());
  record.phase_since_ms = TakeMilliseconds(in);
  RETURN_IF_ERROR(Finish(in, "reclaim record"));
  return record;
}

std::string EncodeDeadShard(const DeadShard& shard) {
  CHECK(shard.location.present && shard.location.offset % kRecordAlignment == 0);
  std::string row;
  Encoder out(&row);
  out.U8(kRowFormat);
  out.Varint(shard.location.drive.value);
  out.Varint(shard.location.generation);
  out.Varint(shard.location.volume);
  out.Varint(shard.location.offset / kRecordAlignment);
  out.Raw(shard.extent.bytes);
  out.U8(shard.shard_index);
  out.Varint(shard.body_bytes);
  out.U8(static_cast<uint8_t>(shard.cause));
  PutMilliseconds(out, shard.since_ms);
  out.Varint(static_cast<uint64_t>(shard.since_s));
  return row;
}

Result<DeadShard> DecodeDeadShard(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kRowFormat) return UnknownVersion("dead shard");
  DeadShard shard;
  const uint64_t drive = in.Varint();
  if (drive > UINT16_MAX) in.Fail();
  shard.location.drive.value = static_cast<uint16_t>(drive);
  shard.location.present = true;
  shard.location.generation = TakeVarint32(in);
  shard.location.volume = TakeVarint32(in);
  const uint64_t units = in.Varint();
  if (units > UINT64_MAX / kRecordAlignment) in.Fail();
  shard.location.offset = units * kRecordAlignment;
  shard.extent = TakeId(in);
  shard.shard_index = in.U8();
  shard.body_bytes = in.Varint();
  shard.cause = TakeEnum(in, ReclaimCause::kOrphan);
  shard.since_ms = TakeMilliseconds(in);
  shard.since_s = static_cast<int64_t>(in.Varint());
  RETURN_IF_ERROR(Finish(in, "dead shard"));
  return shard;
}

std::string EncodeOutboxEvent(const OutboxEvent& event) {
  std::string row;
  Encoder out(&row);
  out.U8(kEventFormat);
  out.Varint(event.sequence.value);
  out.U8(static_cast<uint8_t>(event.type));
  out.Varint(event.bucket.value);
  out.Text(event.key);
  out.Text(event.version_id);
  out.Varint(event.version_sequence.value);
  out.Varint(event.size);
  out.Text(event.etag);
  PutMilliseconds(out, event.time_ms);
  out.U8(event.first_slice ? 1 : 0);
  if (event.first_slice) PutSlice(out, *event.first_slice);
  return row;
}

Result<OutboxEvent> DecodeOutboxEvent(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kEventFormat) return UnknownVersion("outbox event");
  OutboxEvent event;
  event.sequence.value = in.Varint();
  event.type = TakeEnum(in, EventType::kPartMoved);
  event.bucket.value = in.Varint();
  event.key = TakeText(in);
  event.version_id = TakeText(in);
  event.version_sequence.value = in.Varint();
  event.size = in.Varint();
  event.etag = TakeText(in);
  event.time_ms = TakeMilliseconds(in);
  if (TakeBool(in)) event.first_slice = TakeSlice(in);
  RETURN_IF_ERROR(Finish(in, "outbox event"));
  return event;
}

std::string EncodeDirectory(const std::vector<DirectoryEntry>& entries) {
  std::string bytes;
  Encoder out(&bytes);
  out.U8(kDirectoryFormat);
  out.U32(static_cast<uint32_t>(entries.size()));
  for (const DirectoryEntry& entry : entries) PutEntry(out, entry);
  return bytes;
}

Result<std::vector<DirectoryEntry>> DecodeDirectory(std::string_view bytes) {
  Decoder in(bytes);
  const uint8_t format = in.U8();
  if (format != kDirectoryFormat && format != kDirectoryWithoutExtras) {
    return UnknownVersion("directory");
  }
  const uint32_t count = in.U32();
  if (count > in.remaining() / kEntryBytesMin) {
    return Status(Code::kCorrupt, "directory: number of entries");
  }
  std::vector<DirectoryEntry> entries;
  entries.reserve(count);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    entries.push_back(TakeEntry(in, format));
  }
  RETURN_IF_ERROR(Finish(in, "directory"));
  return entries;
}

std::string_view ReclaimCauseName(ReclaimCause cause) {
  switch (cause) {
    case ReclaimCause::kDeleted: return "deleted";
    case ReclaimCause::kOverwritten: return "overwritten";
    case ReclaimCause::kAborted: return "aborted";
    case ReclaimCause::kFailedWrite: return "failed_write";
    case ReclaimCause::kReplacedPart: return "replaced_part";
    case ReclaimCause::kCompacted: return "compacted";
    case ReclaimCause::kMoved: return "moved";
    case ReclaimCause::kOrphan: return "orphan";
  }
  return "unknown";
}

}  // namespace ashlar::model

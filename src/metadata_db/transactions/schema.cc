#include "metadata_db/transactions/schema.h"

#include "base/check.h"

namespace ashlar::metadata_db {
namespace {

constexpr char kZero = '\0';
constexpr char kEscapedZero = '\xff';
constexpr char kEnd = '\x01';

constexpr char kVersionKind = '\0';
constexpr char kPartKind = '\x01';

void AppendEscaped(std::string* out, std::string_view key) {
  size_t from = 0;
  for (size_t at = key.find(kZero); at != std::string_view::npos; at = key.find(kZero, from)) {
    out->append(key, from, at - from);
    out->push_back(kZero);
    out->push_back(kEscapedZero);
    from = at + 1;
  }
  out->append(key, from);
}

void AppendBigEndian32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

void AppendBucket(std::string* out, Table table, BucketId bucket) {
  out->push_back(static_cast<char>(table));
  AppendBigEndian64(out, bucket.value);
}

}  // namespace

void AppendBigEndian64(std::string* out, uint64_t value) {
  const uint64_t big = __builtin_bswap64(value);
  out->append(reinterpret_cast<const char*>(&big), sizeof(big));
}

std::string BigEndian64(uint64_t value) {
  std::string out;
  AppendBigEndian64(&out, value);
  return out;
}

std::optional<uint64_t> ReadBigEndian64(std::string_view bytes) {
  if (bytes.size() != 8) return std::nullopt;
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

std::string EscapeKey(std::string_view key) {
  std::string out;
  AppendEscaped(&out, key);
  return out;
}

std::optional<std::string> UnescapeKey(std::string_view bytes, std::string_view* rest) {
  std::string key;
  while (true) {
    const size_t zero = bytes.find(kZero);
    if (zero == std::string_view::npos || zero + 1 >= bytes.size()) return std::nullopt;
    key.append(bytes, 0, zero);
    const char mark = bytes[zero + 1];
    bytes.remove_prefix(zero + 2);
    if (mark == kEnd) {
      *rest = bytes;
      return key;
    }
    if (mark != kEscapedZero) return std::nullopt;
    key.push_back(kZero);
  }
}

std::string PrefixSuccessor(std::string_view prefix) {
  std::string out(prefix);
  while (!out.empty() && static_cast<uint8_t>(out.back()) == 0xff) out.pop_back();
  CHECK(!out.empty());
  out.back() = static_cast<char>(static_cast<uint8_t>(out.back()) + 1);
  return out;
}

std::string TableKey(Table table, std::string_view rest) {
  std::string out;
  out.reserve(1 + rest.size());
  out.push_back(static_cast<char>(table));
  out.append(rest);
  return out;
}

std::string BucketKey(Table table, BucketId bucket) {
  std::string out;
  AppendBucket(&out, table, bucket);
  return out;
}

std::string ObjectPrefix(Table table, BucketId bucket, std::string_view prefix) {
  std::string out;
  out.reserve(kBucketPrefixBytes + prefix.size() + 24);
  AppendBucket(&out, table, bucket);
  AppendEscaped(&out, prefix);
  return out;
}

std::string ObjectKey(Table table, BucketId bucket, std::string_view key) {
  std::string out = ObjectPrefix(table, bucket, key);
  out.push_back(kZero);
  out.push_back(kEnd);
  return out;
}

std::string VersionKey(Table table, BucketId bucket, std::string_view key, Sequence sequence) {
  std::string out = ObjectKey(table, bucket, key);
  AppendBigEndian64(&out, ~sequence.value);
  return out;
}

std::string UploadKey(BucketId bucket, std::string_view key, const UniqueId& id) {
  std::string out = ObjectKey(Table::kUpload, bucket, key);
  out.append(id.View());
  return out;
}

std::string PartKey(const UniqueId& upload, uint32_t number) {
  std::string out = TableKey(Table::kPart, upload.View());
  AppendBigEndian32(&out, number);
  return out;
}

std::string VersionReferrer(BucketId bucket, std::string_view key, Sequence sequence) {
  std::string out;
  out.reserve(1 + 8 + key.size() + 2 + 8);
  out.push_back(kVersionKind);
  AppendBigEndian64(&out, bucket.value);
  AppendEscaped(&out, key);
  out.push_back(kZero);
  out.push_back(kEnd);
  AppendBigEndian64(&out, ~sequence.value);
  return out;
}

std::string PartReferrer(const UniqueId& upload, uint32_t number) {
  std::string out;
  out.reserve(1 + 16 + 4);
  out.push_back(kPartKind);
  out.append(upload.View());
  AppendBigEndian32(&out, number);
  return out;
}

std::string ReferrerKey(const ExtentId& extent, std::string_view referrer) {
  std::string out;
  out.reserve(1 + 16 + referrer.size());
  out.push_back(static_cast<char>(Table::kReferrer));
  out.append(extent.View());
  out.append(referrer);
  return out;
}

std::string DeadShardKey(const model::ShardLocation& location) {
  std::string out = TableKey(Table::kDeadShard);
  out.push_back(static_cast<char>(location.drive.value >> 8));
  out.push_back(static_cast<char>(location.drive.value));
  AppendBigEndian32(&out, location.volume);
  AppendBigEndian64(&out, location.offset);
  return out;
}

std::string RepairKey(const ExtentId& extent, ShardIndex shard) {
  std::string out = TableKey(Table::kRepair, extent.View());
  out.push_back(static_cast<char>(shard.value));
  return out;
}

std::string OutboxKey(Sequence sequence) {
  std::string out = TableKey(Table::kOutbox);
  AppendBigEndian64(&out, sequence.value);
  return out;
}

}  // namespace ashlar::metadata_db

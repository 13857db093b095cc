#include "metadata_rebuild/internal/scratch.h"

#include "base/bytes.h"
#include "base/digest.h"

namespace ashlar::metadata_rebuild {
namespace {

constexpr uint64_t kCommitBytesMax = 4ULL << 20;
constexpr size_t kKeyHashBytes = 16;

}  // namespace

std::string Big64(uint64_t value) {
  std::string bytes;
  Encoder(&bytes).BigEndian64(value);
  return bytes;
}

std::string Big32(uint32_t value) { return Big64(value).substr(4); }

uint64_t ReadBig(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

std::string RecordKey(const model::ShardRecordHeader& header, DriveId drive) {
  std::string key = ExtentKey('r', header.extent);
  key.push_back(static_cast<char>(header.shard_index));
  key += Big32(~header.generation);
  key += Big32(drive.value).substr(2);
  key += Big32(header.volume);
  return key + Big64(header.own_offset);
}

std::string ExtentKey(char table, const ExtentId& extent) {
  return table + std::string(extent.View());
}

std::string KeyId(BucketId bucket, std::string_view key) {
  const Sha256Digest digest = Sha256(AsBytes(key));
  return Big64(bucket.value) + std::string(AsText(digest).substr(0, kKeyHashBytes));
}

std::string VersionKey(BucketId bucket, std::string_view key, Sequence sequence) {
  return 'v' + KeyId(bucket, key) + Big64(~sequence.value);
}

std::string SliceKey(const model::Slice& slice) {
  return ExtentKey('l', slice.extent) + Big64(slice.offset);
}

std::string EncodeKeyVersion(std::string_view key, const model::ObjectVersion& version) {
  std::string row;
  Encoder(&row).Text(key);
  return row + model::EncodeObjectVersion(version);
}

Result<KeyVersion> DecodeKeyVersion(std::string_view row) {
  Decoder in(row);
  KeyVersion found;
  found.key = in.Text();
  if (!in.ok()) return Status(Code::kCorrupt, "scratch row of a version");
  ASSIGN_OR_RETURN(found.version,
                   model::DecodeObjectVersion(row.substr(row.size() - in.remaining())));
  return found;
}

Task<Status> Change(metadata_db::OrderedStore& store, metadata_db::TransactionBody body) {
  std::vector<metadata_db::TransactionBody> bodies;
  bodies.push_back(std::move(body));
  const std::vector<Status> statuses = co_await store.Submit(std::move(bodies));
  co_return statuses.front();
}

Task<Status> RowWriter::Put(std::string key, std::string value) {
  bytes_ += key.size() + value.size() + 32;
  rows_.emplace_back(std::move(key), std::move(value));
  if (bytes_ >= kCommitBytesMax) CO_RETURN_IF_ERROR(co_await Flush());
  co_return Status::Ok();
}

Task<Status> RowWriter::Flush() {
  if (rows_.empty()) co_return Status::Ok();
  metadata_db::TransactionBody body = [this](metadata_db::Transaction& rows) {
    for (const auto& [key, value] : rows_) rows.Put(key, value);
    return Status::Ok();
  };
  CO_RETURN_IF_ERROR(co_await Change(store_, std::move(body)));
  rows_.clear();
  bytes_ = 0;
  co_return Status::Ok();
}

TableWalk::TableWalk(metadata_db::OrderedStore& store, char table, std::string_view prefix)
    : view_(store.NewSnapshot()), cursor_(view_->NewCursor()), prefix_(1, table) {
  prefix_.append(prefix);
  cursor_->Seek(prefix_);
}

}  // namespace ashlar::metadata_rebuild

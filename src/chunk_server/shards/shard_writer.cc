#include "chunk_server/shards/shard_writer.h"

#include <array>
#include <utility>

namespace ashlar::chunk_server {
namespace {

constexpr int kShardsMax = 64;

}  // namespace

Status CheckSpec(const ShardSpec& spec) {
  const int shards = spec.data_shards + spec.parity_shards;
  const bool valid = spec.body_bytes > 0 && spec.body_bytes <= kBodyBytesMax &&
                     spec.data_shards > 0 && shards <= kShardsMax && spec.shard_index < shards &&
                     spec.payload_bytes <= spec.body_bytes * spec.data_shards &&
                     spec.directory_bytes <= spec.payload_bytes && spec.unit_bytes > 0 &&
                     spec.unit_bytes <= 16 * 1024 * 1024 &&
                     spec.unit_bytes % model::kTailAlignment == 0;
  if (valid) return Status::Ok();
  return Status(Code::kInvalidArgument, "shard's geometry makes no sense");
}

model::ShardRecordHeaderBytes EncodeHeader(const Drive& drive, const ShardSpec& spec,
                                           const Reservation& reservation,
                                           std::span<const Sha256Digest> leaves) {
  model::ShardRecordHeader header;
  header.extent = spec.extent;
  header.shard_index = spec.shard_index;
  header.data_shards = spec.data_shards;
  header.parity_shards = spec.parity_shards;
  header.tier = spec.tier;
  header.own_offset = reservation.offset();
  header.volume = reservation.volume().number();
  header.generation = spec.generation;
  header.body_bytes = spec.body_bytes;
  header.payload_bytes = spec.payload_bytes;
  header.directory_bytes = spec.directory_bytes;
  header.unit_bytes = spec.unit_bytes;
  header.leaf_count = static_cast<uint32_t>(leaves.size());
  header.root = model::ShardRoot(leaves);
  header.drive_uuid_prefix = drive.uuid_prefix();
  model::ShardRecordHeaderBytes bytes;
  model::EncodeShardRecordHeader(header, &bytes);
  return bytes;
}

ByteSpan RecordPadding(uint64_t body_bytes) {
  static constexpr std::array<uint8_t, model::kRecordAlignment> kZeros{};
  if (body_bytes >= model::kAlignedBodyBytesMin) return {};
  const uint64_t used =
      model::kRecordHeaderBytes + sizeof(Sha256Digest) * model::LeafCount(body_bytes) + body_bytes;
  return ByteSpan(kZeros).first(model::AlignUp(used, model::kRecordAlignment) - used);
}

LocalShardWriter::LocalShardWriter(Drive& drive, std::shared_ptr<VolumeSet> volumes,
                                   const ShardSpec& spec, Reservation reservation)
    : drive_(drive),
      volumes_(std::move(volumes)),
      spec_(spec),
      reservation_(std::move(reservation)) {}

Task<Status> LocalShardWriter::Append(std::span<const ByteSpan> pieces) {
  if (!failure_.ok()) co_return failure_;
  uint64_t bytes = 0;
  for (const ByteSpan piece : pieces) bytes += piece.size();
  if (bytes > spec_.body_bytes - appended_ || appended_ % model::kLeafBytes != 0) {
    co_return Status(Code::kInvalidArgument, "pieces do not make the shard");
  }
  const uint64_t at = model::BodyPosition(reservation_.offset(), spec_.body_bytes) + appended_;
  appended_ += bytes;
  std::vector<ByteSpan> parts(pieces.begin(), pieces.end());
  if (appended_ == spec_.body_bytes) parts.push_back(RecordPadding(spec_.body_bytes));
  failure_ = co_await reservation_.volume().Write(at, parts);
  co_return failure_;
}

Task<Result<model::ShardLocation>> LocalShardWriter::Finish(std::span<const Sha256Digest> leaves) {
  if (!failure_.ok()) co_return failure_;
  if (finished_ || appended_ != spec_.body_bytes ||
      leaves.size() != model::LeafCount(spec_.body_bytes)) {
    co_return Status(Code::kInvalidArgument, "shard is not complete");
  }
  finished_ = true;
  Volume& volume = reservation_.volume();
  const model::ShardRecordHeaderBytes header = EncodeHeader(drive_, spec_, reservation_, leaves);
  const std::array<ByteSpan, 2> parts = {
      ByteSpan(header),
      ByteSpan(reinterpret_cast<const uint8_t*>(leaves.data()), leaves.size_bytes())};
  CO_RETURN_IF_ERROR(co_await volume.Write(reservation_.offset(), parts));
  CO_RETURN_IF_ERROR(co_await volume.MakeDurable(spec_.patience));
  model::ShardLocation location;
  location.drive = drive_.options.identity.drive;
  location.present = true;
  location.generation = spec_.generation;
  location.volume = volume.number();
  location.offset = reservation_.offset();
  const std::shared_ptr<Volume> shared = reservation_.shared_volume();
  reservation_ = Reservation();
  drive_.metrics.writes.Increment();
  volumes_->AfterDurable(shared);
  co_return location;
}

}  // namespace ashlar::chunk_server

#include "checkers/drive_records.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "model/shard_record.h"

namespace ashlar::sim {
namespace {

constexpr char kMagic[] = "ASHSHRD1";

std::string VolumePath(uint32_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "/volumes/volume-%08u.ashlar", number);
  return kDrivePath + std::string(name);
}

std::string VerifyBody(ByteSpan volume, uint64_t offset, const model::ShardRecordHeader& header,
                       const Sha256Digest& root) {
  std::vector<Sha256Digest> leaves(header.leaf_count);
  const ByteSpan list =
      volume.subspan(offset + model::kRecordHeaderBytes, leaves.size() * sizeof(Sha256Digest));
  std::memcpy(leaves.data(), list.data(), list.size());
  if (model::ShardRoot(leaves) != root) return "leaf digests do not verify";
  ByteSpan body = volume.subspan(model::BodyPosition(offset, header.body_bytes), header.body_bytes);
  for (const Sha256Digest& leaf : leaves) {
    const ByteSpan piece = body.first(std::min<size_t>(body.size(), model::kLeafBytes));
    if (Sha256(piece) != leaf) return "a leaf does not verify";
    body = body.subspan(piece.size());
  }
  return "";
}

}  // namespace

std::set<ShardName> FindAllShards(World& world, const std::set<size_t>& liars) {
  std::set<ShardName> shards;
  for (size_t drive = 0; drive < world.disks.size(); ++drive) {
    const bool lies = liars.contains(drive);
    const auto& disk = world.disks[drive];
    for (const std::string& path : disk->Files()) {
      if (!path.ends_with(".ashlar")) continue;
      const ByteSpan volume(*disk->Content(path));
      uint64_t offset = model::kVolumeHeaderBytes;
      while (offset + model::kRecordHeaderBytes <= volume.size()) {
        const uint64_t at = offset;
        const ByteSpan header = volume.subspan(at, model::kRecordHeaderBytes);
        offset += model::kRecordAlignment;
        if (std::memcmp(header.data(), kMagic, sizeof kMagic - 1) != 0) continue;
        const auto decoded = model::DecodeShardRecordHeader(header);
        if (!decoded.ok()) continue;
        const bool astray = decoded->own_offset != at || path != VolumePath(decoded->volume);
        if (lies && astray) continue;
        // Cut off with its file by a drive that lied: no record to anybody, scrub and purge
        // included. Its few bytes come back with the volume.
        const bool cut = model::RecordBytes(decoded->body_bytes) > volume.size() - at;
        if (lies && cut) continue;
        shards.emplace(decoded->extent, decoded->shard_index);
        offset += model::RecordBytes(decoded->body_bytes) - model::kRecordAlignment;
      }
    }
  }
  return shards;
}

std::string InspectShard(World& world, const model::Extent& extent, size_t shard, bool deep) {
  const model::ShardLocation& location = extent.locations[shard];
  if (location.drive.value >= world.disks.size()) return "there is no such drive";
  const std::vector<uint8_t>* content =
      world.disks[location.drive.value]->Content(VolumePath(location.volume));
  if (content == nullptr) return "its volume is missing";
  const ByteSpan volume(*content);
  if (location.offset + model::kRecordHeaderBytes > volume.size()) return "the volume is too short";
  const auto header =
      model::DecodeShardRecordHeader(volume.subspan(location.offset, model::kRecordHeaderBytes));
  if (!header.ok()) return "no record lies there: " + header.status().message();
  if (header->extent != extent.id || header->shard_index != shard ||
      header->generation != location.generation || header->own_offset != location.offset) {
    return "another record lies there";
  }
  if (location.offset + model::RecordBytes(header->body_bytes) > volume.size()) {
    return "the record is cut off";
  }
  if (header->root != extent.roots[shard]) return "its root is not that of the row";
  return deep ? VerifyBody(volume, location.offset, *header, extent.roots[shard]) : "";
}

}  // namespace ashlar::sim

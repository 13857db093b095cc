#include "cluster/scrubbing/findings.h"

namespace ashlar::cluster {

RecordKind Classify(const chunk_server::WalkedShard& record, const model::Extent* extent) {
  const size_t shard = record.spec.shard_index;
  if (extent == nullptr || shard >= extent->locations.size()) return RecordKind::kOrphan;
  const model::ShardLocation& named = extent->locations[shard];
  if (named == record.location) {
    const Sha256Digest& root = extent->roots[shard];
    const bool same = root == Sha256Digest{} || root == record.root;
    return record.verified.ok() && same ? RecordKind::kWhole : RecordKind::kCorrupt;
  }
  if (named.present && record.location.generation < named.generation) return RecordKind::kStale;
  if (named.drive != record.location.drive) return RecordKind::kMisplaced;
  return RecordKind::kDuplicate;
}

}  // namespace ashlar::cluster

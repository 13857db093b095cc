// The drives of a lost store, read only: their records, and verified bytes of any extent.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "metadata_rebuild/metadata_rebuild.h"
#include "model/extent.h"
#include "model/shard_record.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace ashlar::metadata_rebuild {

class Drives {
 public:
  explicit Drives(Disk& disk) : disk_(disk) {}

  // Reads the identities. kInvalidArgument: drives of two stores, one drive twice, or none at all.
  Task<Status> Identify(const std::vector<std::string>& paths);
  const UniqueId& cluster_id() const { return cluster_id_; }
  // By DriveId; zero where no drive was found.
  const std::vector<UniqueId>& uuids() const { return uuids_; }
  size_t count() const { return drives_.size(); }

  // Every valid record's header into `scratch` ('r').
  Task<Status> Scan(metadata_db::OrderedStore& scratch, const RebuildOptions& options,
                    uint64_t* records);

  // Payload bytes [offset, offset + length) of an extent, verified leaf by leaf against the roots
  // of its row; decoded from any k shards when they are not all there. kUnavailable: fewer than k
  // can be read.
  Task<Result<std::string>> ReadPayload(const model::Extent& extent, uint64_t offset,
                                        uint64_t length);

 private:
  struct Drive {
    std::string path;
    DriveId id;
    uint64_t uuid_prefix = 0;
  };
  struct Volume {
    std::string path;
    uint32_t number = 0;
    uint64_t file_bytes = 0;
  };
  Task<std::vector<Volume>> ListVolumes(const Drive& drive);
  Task<Result<DiskFile*>> FileOf(const model::ShardLocation& location);
  // Body bytes of one shard, verified.
  Task<Status> ReadShard(const model::Extent& extent, int shard, uint64_t offset,
                         MutableByteSpan out);
  Task<Status> ReadStripe(const model::Extent& extent, uint64_t stripe, std::string* payload);

  Disk& disk_;
  UniqueId cluster_id_;
  std::vector<UniqueId> uuids_;
  std::map<DriveId, Drive> drives_;
  std::map<std::pair<DriveId, uint32_t>, std::unique_ptr<DiskFile>> files_;
};

}  // namespace ashlar::metadata_rebuild

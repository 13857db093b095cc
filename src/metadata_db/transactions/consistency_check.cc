// The checker walks who refers (versions, parts) first and notes what ought to be there; the walks
// over the other tables then take off what is. It reads rows with the codecs of this component, but
// keeps no books of its own.
#include "metadata_db/consistency_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "metadata_db/transactions/extent_rows.h"
#include "metadata_db/transactions/schema.h"
#include "metadata_db/transactions/uploads.h"
#include "metadata_db/transactions/version_chain.h"

namespace ashlar::metadata_db {
namespace {

constexpr size_t kFindingsMax = 100;
constexpr size_t kIdBytes = 16;
constexpr size_t kSequenceBytes = 8;

class Checker {
 public:
  explicit Checker(View& view) : view_(view) {}

  Result<std::vector<std::string>> Run() {
    RETURN_IF_ERROR(ReadVersions());
    RETURN_IF_ERROR(ReadParts());
    RETURN_IF_ERROR(ReadExtents());
    RETURN_IF_ERROR(CheckReferrers());
    RETURN_IF_ERROR(CheckMarks(Table::kReclaim, "reclaim record"));
    RETURN_IF_ERROR(CheckMarks(Table::kSparse, "sparse row"));
    RETURN_IF_ERROR(CheckShards());
    return std::move(findings_);
  }

 private:
  struct Books {
    uint64_t referred = 0;   // by slices
    uint64_t slice_end = 0;  // of the slice that reaches farthest
    bool has_row = false;
    LiveBytesRow live;
    uint8_t shards = 0;
  };

  void Find(const std::string& what, std::string_view key) {
    if (findings_.size() < kFindingsMax) findings_.push_back(what + ": " + HexEncode(AsBytes(key)));
  }

  // Calls `visit(key, value)` for each row of the table.
  template <typename Visit>
  Status ForEach(Table table, Visit visit) {
    const auto cursor = view_.NewCursor();
    cursor->Seek(TableKey(table));
    for (; cursor->Valid() && cursor->key()[0] == static_cast<char>(table); cursor->Next()) {
      RETURN_IF_ERROR(visit(cursor->key(), cursor->value()));
    }
    return cursor->status();
  }

  // ---- who refers to what

  void AddSlices(const std::vector<model::Part>& parts, const std::string& referrer) {
    for (const model::Part& part : parts) {
      for (const model::Slice& slice : part.slices) {
        Books& books = extents_[slice.extent];
        books.referred += slice.length;
        books.slice_end = std::max(books.slice_end, slice.offset + slice.length);
        referrers_.insert(ReferrerKey(slice.extent, referrer));
      }
    }
  }

  Status ReadVersions() {
    RETURN_IF_ERROR(ForEach(Table::kCurrent, [this](std::string_view key, std::string_view value) {
      return ReadVersion(key, 0, value);
    }));
    RETURN_IF_ERROR(ForEach(Table::kVersion, [this](std::string_view key, std::string_view value) {
      return ReadVersion(key, kSequenceBytes, value);
    }));
    RETURN_IF_ERROR(ForEach(Table::kManifest, [this](std::string_view key, std::string_view) {
      if (manifests_.erase(std::string(key)) == 0) Find("manifest of no version", key);
      return Status::Ok();
    }));
    RETURN_IF_ERROR(
        ForEach(Table::kNullVersion, [this](std::string_view key, std::string_view value) {
          const auto null = nulls_.find(key);
          if (null == nulls_.end() || BigEndian64(null->second.value) != value) {
            Find("pointer to no null version", key);
          } else {
            nulls_.erase(null);
          }
          return Status::Ok();
        }));
    for (const auto& [key, sequence] : nulls_) Find("null version without its pointer", key);
    return Status::Ok();
  }

  // A row of 'o', or of 'v' with the sequence behind the key.
  Status ReadVersion(std::string_view key, size_t tail, std::string_view value) {
    std::string_view rest;
    const auto name = key.size() < kBucketPrefixBytes
                          ? std::nullopt
                          : UnescapeKey(key.substr(kBucketPrefixBytes), &rest);
    if (!name || rest.size() != tail) return Status(Code::kCorrupt, "key of a version row");
    const BucketId bucket{*ReadBigEndian64(key.substr(1, 8))};
    ASSIGN_OR_RETURN(StoredVersion stored, DecodeVersionRow(value));
    const Sequence sequence = stored.version.sequence;
    if (tail > 0 && BigEndian64(~sequence.value) != rest) Find("version of another sequence", key);
    if (stored.manifest_apart) {
      RETURN_IF_ERROR(LoadManifest(view_, bucket, *name, &stored));
      manifests_.insert(VersionKey(Table::kManifest, bucket, *name, sequence));
    }
    if (tail > 0 && stored.version.version_id == "null") {
      const auto added = nulls_.emplace(ObjectKey(Table::kNullVersion, bucket, *name), sequence);
      if (!added.second) Find("second null version", key);
    }
    AddSlices(stored.version.parts, VersionReferrer(bucket, *name, sequence));
    return Status::Ok();
  }

  Status ReadParts() {
    std::set<std::string, std::less<>> uploads;
    RETURN_IF_ERROR(ForEach(Table::kUpload, [&](std::string_view key, std::string_view value) {
      ASSIGN_OR_RETURN(const model::Upload upload, model::DecodeUpload(value));
      if (UploadKey(upload.bucket, upload.key, upload.id) != key) Find("foreign upload", key);
      uploads.emplace(upload.id.View());
      return Status::Ok();
    }));
    return ForEach(Table::kPart, [&](std::string_view key, std::string_view value) {
      ASSIGN_OR_RETURN(const StoredPart stored, DecodeStoredPart(value));
      const UniqueId upload = UniqueId::FromView(key.substr(1, kIdBytes));
      const uint32_t number = stored.part.part.number;
      if (PartKey(upload, number) != key) Find("part of another number", key);
      if (!uploads.contains(upload.View())) Find("part of no upload", key);
      AddSlices({stored.part.part}, PartReferrer(upload, number));
      return Status::Ok();
    });
  }

  // ---- extents

  Status ReadExtents() {
    RETURN_IF_ERROR(ForEach(Table::kExtent, [this](std::string_view key, std::string_view value) {
      const ExtentId id = UniqueId::FromView(key.substr(1));
      ASSIGN_OR_RETURN(const model::Extent extent, DecodeExtentOf(id, value));
      Books& books = extents_[id];
      books.shards = static_cast<uint8_t>(extent.locations.size());
      if (books.slice_end > extent.data_bytes()) Find("slice beyond its extent", key);
      ASSIGN_OR_RETURN(const auto live, ReadLiveBytes(view_, id));
      if (!live) {
        Find("extent without live bytes", key);
        return Status::Ok();
      }
      books.has_row = true;
      books.live = *live;
      if (live->data != extent.data_bytes()) Find("wrong data bytes", key);
      return Status::Ok();
    }));
    RETURN_IF_ERROR(ForEach(Table::kLiveBytes, [this](std::string_view key, std::string_view) {
      const auto books = extents_.find(UniqueId::FromView(key.substr(1)));
      if (books == extents_.end() || !books->second.has_row) Find("live bytes of no extent", key);
      return Status::Ok();
    }));
    for (const auto& [id, books] : extents_) {
      if (!books.has_row) {
        Find("slices of no extent", id.View());
      } else if (books.live.live != books.referred) {
        Find("live bytes " + std::to_string(books.live.live) + ", but slices of " +
                 std::to_string(books.referred),
             id.View());
      }
    }
    return Status::Ok();
  }

  Status CheckReferrers() {
    RETURN_IF_ERROR(ForEach(Table::kReferrer, [this](std::string_view key, std::string_view) {
      const auto referrer = referrers_.find(key);
      if (referrer == referrers_.end()) {
        Find("referrer that does not refer", key);
      } else {
        referrers_.erase(referrer);
      }
      return Status::Ok();
    }));
    for (const std::string& key : referrers_) Find("slices without a referrer row", key);
    return Status::Ok();
  }

  bool OughtToBeMarked(Table table, const Books& books) const {
    if (!books.has_row) return false;
    return table == Table::kReclaim ? books.live.live == 0 : IsSparse(books.live);
  }

  // Rows of 'g' and 'y': exactly for the extents that ought to have one.
  Status CheckMarks(Table table, const std::string& name) {
    std::set<ExtentId> marked;
    RETURN_IF_ERROR(ForEach(table, [&](std::string_view key, std::string_view value) {
      const ExtentId id = UniqueId::FromView(key.substr(1));
      marked.insert(id);
      const auto books = extents_.find(id);
      if (books == extents_.end() || !OughtToBeMarked(table, books->second)) {
        Find(name + " too many", key);
      }
      if (table != Table::kReclaim) return Status::Ok();
      ASSIGN_OR_RETURN(const model::ReclaimRecord record, model::DecodeReclaimRecord(value));
      if (record.extent != id) Find("foreign reclaim record", key);
      return Status::Ok();
    }));
    for (const auto& [id, books] : extents_) {
      if (OughtToBeMarked(table, books) && !marked.contains(id)) {
        Find(name + " missing", id.View());
      }
    }
    return Status::Ok();
  }

  Status CheckShards() {
    RETURN_IF_ERROR(ForEach(Table::kRepair, [this](std::string_view key, std::string_view value) {
      ASSIGN_OR_RETURN(const model::RepairOrder order, model::DecodeRepairOrder(value));
      if (RepairKey(order.extent, order.shard) != key) Find("foreign repair order", key);
      const auto books = extents_.find(order.extent);
      if (books == extents_.end() || order.shard.value >= books->second.shards) {
        Find("repair order for no shard", key);
      }
      return Status::Ok();
    }));
    return ForEach(Table::kDeadShard, [this](std::string_view key, std::string_view value) {
      ASSIGN_OR_RETURN(const model::DeadShard shard, model::DecodeDeadShard(value));
      if (DeadShardKey(shard.location) != key) Find("foreign dead shard", key);
      return Status::Ok();
    });
  }

  View& view_;
  std::vector<std::string> findings_;
  std::unordered_map<ExtentId, Books> extents_;
  // Row keys that are expected and were not met yet. A manifest that is missing is an error
  // already.
  std::set<std::string, std::less<>> referrers_;
  std::set<std::string, std::less<>> manifests_;
  std::map<std::string, Sequence, std::less<>> nulls_;
};

}  // namespace

Result<std::vector<std::string>> CheckConsistency(View& view) { return Checker(view).Run(); }

}  // namespace ashlar::metadata_db

// GatherRuns: the living runs of sparse extents, moved into one new extent. Used by compaction.
//
// Directories move along: each entry that covers a part of a run is copied and cut to that part, so
// that what could be rebuilt from the shards before can be rebuilt afterwards. Reads are verified
// like those of clients, and one stripe is in memory at a time.
#include <algorithm>
#include <cstring>
#include <map>

#include "object_service/extents/extent_reader.h"
#include "object_service/extents/extent_writer.h"
#include "object_service/internal/service.h"

namespace ashlar::object_service {
namespace {

using model::DirectoryEntry;
using model::Slice;
using ExtentPtr = std::shared_ptr<const model::Extent>;

// The payload of the new extent as a list of places in the old ones.
class RunsReader {
 public:
  RunsReader(Core& core, const std::map<ExtentId, ExtentPtr>& extents,
             const std::vector<Slice>& runs)
      : core_(core), extents_(extents), runs_(runs) {}

  // Fills `out`, or less when the runs end.
  Task<Result<size_t>> Read(MutableByteSpan out) {
    size_t filled = 0;
    while (filled < out.size() && run_ < runs_.size()) {
      const Slice& run = runs_[run_];
      const ExtentPtr& extent = extents_.at(run.extent);
      const uint64_t offset = run.offset + inside_;
      const uint64_t wanted = std::min<uint64_t>(run.length - inside_, out.size() - filled);
      const uint64_t length = StripeRun(*extent, offset, wanted);
      CO_ASSIGN_OR_RETURN(const ExtentBytes bytes,
                          co_await ReadExtent(core_, extent, offset, length));
      for (const ByteSpan piece : bytes.pieces) {
        std::memcpy(out.data() + filled, piece.data(), piece.size());
        filled += piece.size();
      }
      inside_ += length;
      if (inside_ < run.length) continue;
      inside_ = 0;
      ++run_;
    }
    co_return filled;
  }

 private:
  Core& core_;
  const std::map<ExtentId, ExtentPtr>& extents_;
  const std::vector<Slice>& runs_;
  size_t run_ = 0;
  uint64_t inside_ = 0;
};

Task<Result<std::vector<DirectoryEntry>>> ReadDirectory(Core& core, ExtentPtr extent) {
  std::string bytes;
  while (bytes.size() < extent->directory_bytes) {
    const uint64_t offset = extent->data_bytes() + bytes.size();
    const uint64_t length = StripeRun(*extent, offset, extent->payload_bytes - offset);
    CO_ASSIGN_OR_RETURN(const ExtentBytes read, co_await ReadExtent(core, extent, offset, length));
    for (const ByteSpan piece : read.pieces) bytes += AsText(piece);
  }
  co_return model::DecodeDirectory(bytes);
}

// The part of `entry` that lies in `run`, as it will lie at `new_offset`. Length 0: none.
DirectoryEntry CutEntry(const DirectoryEntry& entry, const Slice& run, uint64_t new_offset) {
  DirectoryEntry cut = entry;
  const uint64_t begin = std::max(entry.extent_offset, run.offset);
  const uint64_t end = std::min(entry.extent_offset + entry.length, run.offset + run.length);
  cut.length = end > begin ? end - begin : 0;
  if (cut.length == 0) return cut;
  cut.moved = true;
  cut.object_offset += begin - entry.extent_offset;
  cut.extent_offset = new_offset + (begin - run.offset);
  cut.last = entry.last && end == entry.extent_offset + entry.length;
  return cut;
}

Task<Result<std::vector<DirectoryEntry>>> MoveDirectories(
    Core& core, const std::map<ExtentId, ExtentPtr>& extents, const std::vector<Slice>& runs) {
  std::map<ExtentId, std::vector<DirectoryEntry>> directories;
  std::vector<DirectoryEntry> moved;
  uint64_t new_offset = 0;
  for (const Slice& run : runs) {
    auto directory = directories.find(run.extent);
    if (directory == directories.end()) {
      CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                          co_await ReadDirectory(core, extents.at(run.extent)));
      directory = directories.emplace(run.extent, std::move(entries)).first;
    }
    for (const DirectoryEntry& entry : directory->second) {
      DirectoryEntry cut = CutEntry(entry, run, new_offset);
      if (cut.length > 0) moved.push_back(std::move(cut));
    }
    new_offset += run.length;
  }
  co_return moved;
}

// Payload of one stripe: bytes of the runs, then the directory, then zeros.
Task<Status> FillStripe(RunsReader& reader, std::string_view* directory, MutableByteSpan stripe) {
  CO_ASSIGN_OR_RETURN(size_t filled, co_await reader.Read(stripe));
  const size_t here = std::min(directory->size(), stripe.size() - filled);
  std::memcpy(stripe.data() + filled, directory->data(), here);
  directory->remove_prefix(here);
  filled += here;
  std::memset(stripe.data() + filled, 0, stripe.size() - filled);
  co_return Status::Ok();
}

Task<Result<ExtentId>> WriteGathered(Core& core, RunsReader reader, uint64_t data_bytes,
                                     std::string_view directory, metadata_db::NewExtents* out) {
  const auto directory_bytes = static_cast<uint32_t>(directory.size());
  const uint64_t payload_bytes = data_bytes + directory_bytes;
  const model::ExtentLayout layout(core.data_shards(), model::kUnitBytes, payload_bytes);
  const auto k = static_cast<size_t>(core.data_shards());
  const auto total = static_cast<size_t>(core.total_shards());
  std::optional<ExtentWriter> writer;
  if (layout.stripe_count() > 1) {
    writer.emplace(core, payload_bytes, directory_bytes, Duration::zero());
    CO_RETURN_IF_ERROR(co_await writer->Open());
  }
  for (uint64_t stripe = 0; stripe < layout.stripe_count(); ++stripe) {
    const size_t unit = layout.UnitBytes(stripe);
    const size_t buffer_bytes = writer ? writer->StripeBufferBytes() : unit * total;
    CO_ASSIGN_OR_RETURN(SharedBuffer buffer, core.Share(co_await core.deps.buffers.Acquire(
                                                 buffer_bytes, core.options.buffer_patience)));
    CO_RETURN_IF_ERROR(
        co_await FillStripe(reader, &directory, MutableByteSpan(buffer->data(), unit * k)));
    if (!writer) {
      const ExtentId id = NewUniqueId(core.deps.clock, core.deps.random);
      CO_RETURN_IF_ERROR(co_await WriteOneStripeExtent(core, id, std::move(buffer), payload_bytes,
                                                       directory_bytes, Duration::zero(), out));
      co_return id;
    }
    std::vector<SharedBuffer> full;
    full.push_back(std::move(buffer));
    CO_RETURN_IF_ERROR(co_await writer->AppendStripes(std::move(full)));
  }
  CO_RETURN_IF_ERROR(co_await writer->Finish(out));
  co_return writer->id();
}

}  // namespace

Task<Result<GatheredRuns>> ObjectService::GatherRuns(std::vector<Slice> runs) {
  Core& core = impl_->core;
  std::map<ExtentId, ExtentPtr> extents;
  uint64_t data_bytes = 0;
  for (const Slice& run : runs) {
    ExtentPtr& extent = extents[run.extent];
    if (extent == nullptr) {
      CO_ASSIGN_OR_RETURN(extent, co_await core.deps.metadata.GetExtent(run.extent));
    }
    if (run.length == 0 || run.offset > extent->data_bytes() ||
        run.length > extent->data_bytes() - run.offset) {
      co_return Status(Code::kInvalidArgument, "a run outside of its extent");
    }
    data_bytes += run.length;
  }
  if (runs.empty() || data_bytes > model::kExtentDataBytesMax) {
    co_return Status(Code::kInvalidArgument, "nothing to gather, or too much");
  }
  CO_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      co_await MoveDirectories(core, extents, runs));
  const std::string directory = model::EncodeDirectory(entries);
  GatheredRuns gathered;
  CO_ASSIGN_OR_RETURN(const ExtentId id,
                      co_await WriteGathered(core, RunsReader(core, extents, runs), data_bytes,
                                             directory, &gathered.extents));
  uint64_t offset = 0;
  for (const Slice& run : runs) {
    gathered.slices.push_back(Slice{id, offset, run.length});
    offset += run.length;
  }
  co_return gathered;
}

}  // namespace ashlar::object_service

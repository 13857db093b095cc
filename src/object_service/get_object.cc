// Reads: finding a version, and streaming its bytes stripe by stripe with one stripe of read-ahead.
#include <algorithm>

#include "object_service/extents/extent_reader.h"
#include "object_service/internal/core.h"
#include "object_service/internal/gathering.h"
#include "object_service/internal/service.h"
#include "runtime/frame_pool.h"

namespace ashlar::object_service {
namespace {

// Walks the slices of a version.
class SliceCursor {
 public:
  SliceCursor(VersionPtr version, uint64_t offset, uint64_t length)
      : version_(std::move(version)), left_(length) {
    uint64_t skip = offset;
    while (part_ < version_->parts.size()) {
      const model::Part& part = version_->parts[part_];
      if (skip < part.size || (skip == 0 && left_ == 0)) break;
      skip -= part.size;
      ++part_;
    }
    while (left_ > 0 && skip >= current().length) {
      skip -= current().length;
      ++slice_;
      CHECK(slice_ < version_->parts[part_].slices.size());
    }
    inside_ = skip;
  }

  bool AtEnd() const { return left_ == 0; }
  const model::Slice& current() const {
    CHECK(part_ < version_->parts.size());
    return version_->parts[part_].slices[slice_];
  }
  uint64_t extent_offset() const { return current().offset + inside_; }
  uint64_t run_max() const { return std::min(left_, current().length - inside_); }

  void Advance(uint64_t bytes) {
    left_ -= bytes;
    inside_ += bytes;
    while (left_ > 0 && inside_ == current().length) {
      inside_ = 0;
      ++slice_;
      while (slice_ == version_->parts[part_].slices.size()) {
        slice_ = 0;
        ++part_;
        CHECK(part_ < version_->parts.size());
      }
    }
  }

 private:
  VersionPtr version_;
  uint64_t left_;
  size_t part_ = 0;
  size_t slice_ = 0;
  uint64_t inside_ = 0;
};

class StripeReader final : public ObjectReader, public internal::PooledFrame {
 public:
  StripeReader(Core& core, VersionPtr version, uint64_t offset, uint64_t length)
      : core_(core), cursor_(std::move(version), offset, length) {}

  Task<Result<std::span<const ByteSpan>>> Next() override {
    current_ = {};  // its memory goes back before more is asked for
    if (ahead_ == nullptr && cursor_.AtEnd()) co_return std::span<const ByteSpan>();
    Result<ExtentBytes> result = co_await TakeNext();
    if (!result.ok()) co_return result.status();
    current_ = std::move(*result);
    // Read ahead while this stripe is being sent, unless memory is scarce.
    if (core_.deps.buffers.bytes_lent() < core_.deps.buffers.budget_bytes() / 2) {
      StartNext();
    }
    co_return std::span<const ByteSpan>(current_.pieces);
  }

 private:
  struct Run {
    ExtentId extent;
    uint64_t offset = 0;
    uint64_t length = 0;
  };

  // Not at the end. Moves the cursor on.
  Run NextRun() {
    // Every extent of this store has the same stripe size, so the run can be cut before its row is
    // looked up.
    const uint64_t stripe = static_cast<uint64_t>(core_.data_shards()) * model::kUnitBytes;
    const uint64_t offset = cursor_.extent_offset();
    const Run run{cursor_.current().extent, offset,
                  std::min(cursor_.run_max(), stripe - offset % stripe)};
    cursor_.Advance(run.length);
    return run;
  }

  void StartNext() {
    if (cursor_.AtEnd()) return;
    const Run run = NextRun();
    ahead_ = Gathering<Result<ExtentBytes>>::Create(core_.background);
    ahead_->Start(ReadRun(&core_, run.extent, run.offset, run.length));
  }

  // What was read ahead, else read now: the first run, which is all of a small object, has nothing
  // to run beside.
  Task<Result<ExtentBytes>> TakeNext() {
    if (ahead_ == nullptr) {
      const Run run = NextRun();
      co_return co_await ReadRun(&core_, run.extent, run.offset, run.length);
    }
    auto never = [] { return false; };
    co_await ahead_->Wait(never, std::nullopt);
    Result<ExtentBytes> result = std::move(*ahead_->result(0));
    ahead_ = nullptr;
    co_return result;
  }

  static Task<Result<ExtentBytes>> ReadRun(Core* core, ExtentId id, uint64_t offset,
                                           uint64_t length) {
    Result<std::shared_ptr<const model::Extent>> found = co_await core->deps.cache.GetExtent(id);
    if (!found.ok()) {
      // A version refers to it: that it is not found is damage, not absence.
      if (found.code() == Code::kNotFound) {
        co_return Status(Code::kCorrupt, "extent " + id.ToHex() + " has no row");
      }
      co_return found.status();
    }
    std::shared_ptr<const model::Extent> extent = *found;
    if (offset + length > extent->data_bytes()) {
      co_return Status(Code::kCorrupt, "a slice reaches beyond extent " + id.ToHex());
    }
    ExtentBytes bytes;
    while (length > 0) {
      const uint64_t run = StripeRun(*extent, offset, length);
      CO_ASSIGN_OR_RETURN(ExtentBytes stripe, co_await ReadExtent(*core, extent, offset, run));
      if (run == length && bytes.pieces.empty()) co_return stripe;
      bytes.buffers.insert(bytes.buffers.end(), stripe.buffers.begin(), stripe.buffers.end());
      bytes.pieces.insert(bytes.pieces.end(), stripe.pieces.begin(), stripe.pieces.end());
      offset += run;
      length -= run;
    }
    co_return bytes;
  }

  Core& core_;
  SliceCursor cursor_;
  ExtentBytes current_;
  std::shared_ptr<Gathering<Result<ExtentBytes>>> ahead_;
};

}  // namespace

std::unique_ptr<ObjectReader> ObjectService::OpenReader(VersionPtr version, uint64_t offset,
                                                        uint64_t length) {
  CHECK(offset <= version->size && length <= version->size - offset);
  return std::make_unique<StripeReader>(impl_->core, std::move(version), offset, length);
}

Task<Result<VersionPtr>> ObjectService::FindVersion(const BucketPtr& bucket, std::string_view key,
                                                    std::optional<std::string> version_id) {
  if (!version_id) return impl_->core.deps.cache.GetCurrent(bucket->id, key);
  return impl_->core.deps.metadata.GetVersion(bucket->id, std::string(key), std::move(*version_id));
}

}  // namespace ashlar::object_service

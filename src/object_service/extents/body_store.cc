#include "object_service/extents/body_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "object_service/checksums.h"

namespace ashlar::object_service {
namespace {

// Fills a stripe: object bytes from the body, then the directory, then zeros.
class PayloadFiller {
 public:
  PayloadFiller(BodySource& body, model::DirectoryEntry entry)
      : body_(body), data_left_(entry.length), entry_(std::move(entry)) {
    directory_bytes_ = static_cast<uint32_t>(model::EncodeDirectory({entry_}).size());
  }

  uint32_t directory_bytes() const { return directory_bytes_; }

  // With the buffer of the stripe, the body may hash behind.
  Task<Status> Fill(MutableByteSpan stripe, SharedBuffer buffer) {
    const size_t data_here = static_cast<size_t>(std::min<uint64_t>(data_left_, stripe.size()));
    CO_RETURN_IF_ERROR(co_await ReadExactly(stripe.first(data_here), std::move(buffer)));
    data_left_ -= data_here;
    MutableByteSpan rest = stripe.subspan(data_here);
    if (data_left_ == 0 && directory_.empty()) CO_RETURN_IF_ERROR(co_await MakeDirectory());
    if (data_left_ == 0) {
      const size_t here = std::min(rest.size(), directory_.size() - directory_given_);
      std::memcpy(rest.data(), directory_.data() + directory_given_, here);
      directory_given_ += here;
      rest = rest.subspan(here);
    }
    std::memset(rest.data(), 0, rest.size());
    co_return Status::Ok();
  }

 private:
  Task<Status> ReadExactly(MutableByteSpan out, SharedBuffer buffer) {
    while (!out.empty()) {
      CO_ASSIGN_OR_RETURN(const size_t count, co_await body_.ReadShared(out, buffer));
      if (count == 0) co_return Status(Code::kInvalidArgument, "the body ended early");
      out = out.subspan(count);
    }
    co_return Status::Ok();
  }

  Task<Status> MakeDirectory() {
    if (entry_.last) {
      // The final read verifies the whole body; only now its digests are known.
      uint8_t extra = 0;
      CO_ASSIGN_OR_RETURN(const size_t count, co_await body_.Read(MutableByteSpan(&extra, 1)));
      if (count != 0) co_return Status(Code::kInvalidArgument, "the body is longer than announced");
      entry_.md5 = body_.Md5();
      entry_.checksum = body_.Checksum();
    }
    directory_ = model::EncodeDirectory({entry_});
    CHECK(directory_.size() == directory_bytes_);
    co_return Status::Ok();
  }

  BodySource& body_;
  uint64_t data_left_;
  model::DirectoryEntry entry_;
  uint32_t directory_bytes_ = 0;
  std::string directory_;
  size_t directory_given_ = 0;
};

// Stripes on their way to the drives: some are gathered while those before them are written.
class StripeQueue {
 public:
  StripeQueue(Core& core, ExtentWriter& writer) : core_(core), writer_(writer) {}

  size_t gathered() const { return gathered_.size(); }
  void Gather(SharedBuffer stripe) { gathered_.push_back(std::move(stripe)); }
  // Hands over what was gathered, once the write before it is done.
  Task<Status> Flush() {
    if (gathered_.empty()) co_return Status::Ok();
    // Not before: opening reserves the whole shard on every drive, which nobody gives back when the
    // budget refuses the body, or its client sends nothing.
    if (!opened_) CO_RETURN_IF_ERROR(co_await writer_.Open());
    opened_ = true;
    CO_RETURN_IF_ERROR(co_await Settle());
    writing_ = Gathering<Status>::Create(core_.background);
    writing_->Start(writer_.AppendStripes(std::exchange(gathered_, {})));
    co_return Status::Ok();
  }
  // Until no write is under way.
  Task<Status> Settle() {
    if (writing_ == nullptr) co_return Status::Ok();
    auto never = [] { return false; };
    co_await writing_->Wait(never, std::nullopt);
    const Status status = *writing_->result(0);
    writing_ = nullptr;
    co_return status;
  }

 private:
  Core& core_;
  ExtentWriter& writer_;
  bool opened_ = false;
  std::vector<SharedBuffer> gathered_;
  std::shared_ptr<Gathering<Status>> writing_;
};

Task<Status> WriteStripes(Core& core, ExtentWriter& writer, PayloadFiller& filler,
                          StripeQueue& queue) {
  const model::ExtentLayout& layout = writer.layout();
  for (uint64_t stripe = 0; stripe < layout.stripe_count(); ++stripe) {
    // Looking ahead and hashing behind only while memory is plentiful, gathering while it abounds:
    // bodies that hash behind save more than those that gather.
    const uint64_t lent = core.deps.buffers.bytes_lent();
    const bool plentiful = lent < core.deps.buffers.budget_bytes() / 2;
    const bool abundant = lent < core.deps.buffers.budget_bytes() / 4;
    if (!plentiful) {
      CO_RETURN_IF_ERROR(co_await queue.Flush());
      CO_RETURN_IF_ERROR(co_await queue.Settle());
    }
    CO_ASSIGN_OR_RETURN(SharedBuffer buffer,
                        core.Share(co_await core.deps.buffers.Acquire(
                            writer.StripeBufferBytes(), core.options.buffer_patience)));
    const size_t data_room =
        static_cast<size_t>(layout.UnitBytes(stripe)) * static_cast<size_t>(core.data_shards());
    SharedBuffer shared;
    if (plentiful) shared = buffer;
    CO_RETURN_IF_ERROR(
        co_await filler.Fill(MutableByteSpan(buffer->data(), data_room), std::move(shared)));
    queue.Gather(std::move(buffer));
    const bool gathers = abundant && queue.gathered() < ExtentWriter::kStripesPerWrite &&
                         stripe + 1 < layout.full_stripes();
    if (!gathers) CO_RETURN_IF_ERROR(co_await queue.Flush());
  }
  co_return co_await queue.Settle();
}

// The stretch of the body that `entry` names.
Task<Status> WriteExtent(Core& core, BodySource& body, model::DirectoryEntry entry,
                         Duration patience, StoredExtents* stored) {
  const uint64_t data_bytes = entry.length;
  PayloadFiller filler(body, std::move(entry));
  ExtentWriter writer(core, data_bytes + filler.directory_bytes(), filler.directory_bytes(),
                      patience);
  StripeQueue queue(core, writer);
  const Status status = co_await WriteStripes(core, writer, filler, queue);
  // Whatever went wrong: the write under way uses `writer`, so it ends first.
  const Status settled = co_await queue.Settle();
  CO_RETURN_IF_ERROR(status);
  CO_RETURN_IF_ERROR(settled);
  CO_RETURN_IF_ERROR(co_await writer.Finish(&stored->extents));
  stored->slices.push_back(model::Slice{writer.id(), 0, data_bytes});
  co_return Status::Ok();
}

}  // namespace

model::DirectoryEntry NewDirectoryEntry(Core& core, const std::string& bucket,
                                        const std::string& key, const ObjectAttributes& attributes,
                                        const BodySource& body) {
  model::DirectoryEntry entry;
  entry.write_id = NewUniqueId(core.deps.clock, core.deps.random);
  entry.bucket = bucket;
  entry.key = key;
  entry.object_size = body.size();
  entry.time_ms = core.deps.clock.WallMilliseconds();
  entry.checksum.algorithm = body.checksum_algorithm();
  entry.checksum.value.assign(ChecksumTextBytes(entry.checksum.algorithm), '=');
  entry.storage_class = attributes.storage_class;
  entry.system_headers = attributes.system_headers;
  entry.user_metadata = attributes.user_metadata;
  entry.extras = attributes.extras;
  return entry;
}

Task<Result<SmallBody>> ReadSmallBody(Core& core, BodySource& body) {
  SmallBody small;
  const bool md5_is_left = body.LeaveMd5();
  const auto size = static_cast<size_t>(body.size());
  if (size > 0) {
    CO_ASSIGN_OR_RETURN(small.buffer, core.Share(co_await core.deps.buffers.Acquire(
                                          size, core.options.buffer_patience)));
  }
  while (small.size < size) {
    const MutableByteSpan rest(small.buffer->data() + small.size, size - small.size);
    CO_ASSIGN_OR_RETURN(const size_t count, co_await body.Read(rest));
    if (count == 0) co_return Status(Code::kInvalidArgument, "the body ended early");
    small.size += count;
  }
  uint8_t extra = 0;
  CO_ASSIGN_OR_RETURN(const size_t count, co_await body.Read(MutableByteSpan(&extra, 1)));
  if (count != 0) co_return Status(Code::kInvalidArgument, "the body is longer than announced");
  if (!md5_is_left) small.md5 = body.Md5();
  co_return small;
}

Task<Result<StoredExtents>> StoreLargeBody(Core& core, BodySource& body,
                                           model::DirectoryEntry entry, Duration patience) {
  StoredExtents stored;
  const uint64_t size = body.size();
  CHECK(size > 0);
  Status status;
  uint64_t offset = 0;
  while (offset < size && status.ok()) {
    const uint64_t data_bytes = std::min(size - offset, model::kExtentDataBytesMax);
    entry.object_offset = offset;
    entry.length = data_bytes;
    entry.last = offset + data_bytes == size;
    status = co_await WriteExtent(core, body, entry, patience, &stored);
    offset += data_bytes;
  }
  if (status.ok()) co_return stored;
  if (!stored.extents.extents.empty()) {
    const Status noted = co_await core.deps.metadata.RecordAbandonedExtents(stored.extents);
    if (!noted.ok()) {
      spdlog::warn(
          "msg=\"abandoned extents not recorded; the orphan scan will find them\" reason={}",
          LogValue(noted.ToString()));
    }
  }
  co_return status;
}

}  // namespace ashlar::object_service

#include "object_service/extents/extent_writer.h"

#include <algorithm>

#include "base/log.h"
#include "base/seeded_bug.h"
#include "model/shard_record.h"
#include "runtime/failpoint.h"
#include "runtime/metrics.h"

namespace ashlar::object_service {

using model::kLeafBytes;

struct ExtentWriter::Shard {
  chunk_server::ChunkStore* store = nullptr;
  std::unique_ptr<chunk_server::ShardWriter> writer;
  std::vector<Sha256Digest> leaves;
  model::ShardLocation location;
  bool failed = false;
  Status failure;
};

namespace {

// k data units and room for m parity units, side by side.
struct Stripe {
  uint8_t* units;
  size_t unit_bytes;
};

void EncodeStripe(const erasure_encoder::ErasureEncoder& encoder, const Stripe& stripe) {
  const auto k = static_cast<size_t>(encoder.code().data_shards);
  const auto total = static_cast<size_t>(encoder.code().total());
  std::vector<const uint8_t*> data(k);
  std::vector<uint8_t*> parity(total - k);
  for (size_t i = 0; i < total; ++i) {
    uint8_t* const unit = stripe.units + i * stripe.unit_bytes;
    if (i < k) {
      data[i] = unit;
    } else {
      parity[i - k] = unit;
    }
  }
  encoder.Encode(data, parity, stripe.unit_bytes);
}

// Encodes the parity units of the stripes and hashes all leaves, together.
// leaves[i] gets the digests of shard i's units, in the order of the stripes.
void CodeAndHash(const erasure_encoder::ErasureEncoder& encoder, std::span<const Stripe> stripes,
                 std::vector<std::vector<Sha256Digest>>* leaves) {
  const auto total = static_cast<size_t>(encoder.code().total());
  size_t leaf_count = 0;
  for (const Stripe& stripe : stripes) {
    EncodeStripe(encoder, stripe);
    leaf_count += model::LeafCount(stripe.unit_bytes);
  }
  std::vector<ByteSpan> inputs;
  inputs.reserve(total * leaf_count);
  for (size_t i = 0; i < total; ++i) {
    for (const auto& [units, unit_bytes] : stripes) {
      for (size_t offset = 0; offset < unit_bytes; offset += kLeafBytes) {
        inputs.emplace_back(units + i * unit_bytes + offset,
                            std::min<size_t>(kLeafBytes, unit_bytes - offset));
      }
    }
  }
  std::vector<Sha256Digest> digests(inputs.size());
  Sha256Many(inputs, digests);
  leaves->assign(total, {});
  for (size_t i = 0; i < total; ++i) {
    const auto begin = digests.begin() + static_cast<std::ptrdiff_t>(i * leaf_count);
    (*leaves)[i].assign(begin, begin + static_cast<std::ptrdiff_t>(leaf_count));
  }
}

model::Extent NewExtent(Core& core, ExtentId id, uint64_t payload_bytes, uint32_t directory_bytes) {
  const erasure_encoder::Code& code = core.deps.encoder.code();
  model::Extent extent;
  extent.id = id;
  extent.data_shards = code.data_shards;
  extent.parity_shards = code.parity_shards;
  extent.payload_bytes = payload_bytes;
  extent.directory_bytes = directory_bytes;
  extent.locations.resize(static_cast<size_t>(code.total()));
  extent.roots.resize(static_cast<size_t>(code.total()));
  const auto drives = core.deps.placement.DrivesOf(id);
  for (size_t i = 0; i < extent.locations.size(); ++i) extent.locations[i].drive = drives[i];
  return extent;
}

chunk_server::ShardSpec SpecOf(const model::Extent& extent, size_t shard, uint64_t shard_bytes,
                               Duration patience) {
  chunk_server::ShardSpec spec;
  spec.extent = extent.id;
  spec.shard_index = static_cast<uint8_t>(shard);
  spec.data_shards = extent.data_shards;
  spec.parity_shards = extent.parity_shards;
  spec.tier = extent.tier;
  spec.body_bytes = shard_bytes;
  spec.payload_bytes = extent.payload_bytes;
  spec.directory_bytes = extent.directory_bytes;
  spec.unit_bytes = extent.unit_bytes;
  spec.patience = patience;
  return spec;
}

// Notes a shard that is not there: in the extent row and as a repair order of the same commit.
void GiveUpShard(Core& core, model::Extent* extent, size_t shard, metadata_db::NewExtents* out) {
  static prometheus::Counter& counter =
      MetricCounter("ashlar_shards_not_written_total",
                    "Shards left out of an acknowledged write; a repair order exists.");
  counter.Increment();
  extent->locations[shard].present = false;
  model::RepairOrder order;
  order.extent = extent->id;
  order.shard = ShardIndex{static_cast<uint8_t>(shard)};
  order.reason = model::RepairReason::kNotWritten;
  order.noted_ms = core.deps.clock.WallMilliseconds();
  out->repairs.push_back(order);
}

// Why too few shards could be written. No space wins: the operator can do something about it.
Status TooFewShards(size_t good, int needed, const std::vector<Status>& failures) {
  Code code = Code::kUnavailable;
  std::string detail;
  for (const Status& failure : failures) {
    if (failure.code() == Code::kNoSpace) code = Code::kNoSpace;
    if (!failure.ok() && detail.empty()) detail = failure.message();
  }
  for (const Status& failure : failures) {
    if (failure.code() == code) detail = failure.message();
  }
  return {code, "only " + std::to_string(good) + " of at least " + std::to_string(needed) +
                    " shards could be written; " + detail};
}

}  // namespace

ExtentWriter::ExtentWriter(Core& core, uint64_t payload_bytes, uint32_t directory_bytes,
                           Duration patience)
    : core_(core),
      exchanges_seen_(core.deps.metadata.drive_exchanges()),
      patience_(patience),
      extent_(NewExtent(core, NewUniqueId(core.deps.clock, core.deps.random), payload_bytes,
                        directory_bytes)),
      layout_(core.data_shards(), extent_.unit_bytes, payload_bytes) {
  for (const model::ShardLocation& location : extent_.locations) {
    auto shard = std::make_shared<Shard>();
    shard->store = core.deps.stores[location.drive.value];
    shard->leaves.reserve(model::LeafCount(layout_.shard_bytes()));
    shards_.push_back(std::move(shard));
  }
}

size_t ExtentWriter::StripeBufferBytes() const {
  const uint32_t unit = layout_.UnitBytes(0);
  return static_cast<size_t>(core_.total_shards()) * unit;
}

Task<Status> ExtentWriter::OpenShard(SharedShard shard, chunk_server::ShardSpec spec) {
  CO_ASSIGN_OR_RETURN(shard->writer, co_await shard->store->OpenShard(spec));
  co_return Status::Ok();
}

Task<Status> ExtentWriter::Append(SharedShard shard, SharedBuffers buffers,
                                  std::vector<ByteSpan> pieces) {
  (void)buffers;  // kept until the drive is done with them
  co_return co_await shard->writer->Append(pieces);
}

Task<Status> ExtentWriter::FinishShard(SharedShard shard) {
  CO_ASSIGN_OR_RETURN(shard->location, co_await shard->writer->Finish(shard->leaves));
  co_return Status::Ok();
}

// Waits for all; once enough are good, stragglers get a little patience and are then given up.
Task<Status> ExtentWriter::Settle(std::shared_ptr<Gathering<Status>> gathering,
                                  std::vector<size_t> shard_of) {
  const auto needed = static_cast<size_t>(core_.acknowledge_shards_min());
  auto never = [] { return false; };
  co_await gathering->Wait(never, core_.options.write_straggler_patience);
  auto enough = [raw = gathering.get(), needed] { return raw->successes() >= needed; };
  co_await gathering->Wait(enough, std::nullopt);
  for (size_t i = 0; i < shard_of.size(); ++i) {
    const Status* result = gathering->result(i);
    Shard& shard = *shards_[shard_of[i]];
    if (result != nullptr && result->ok()) continue;
    shard.failed = true;
    shard.failure = result != nullptr ? *result : Status(Code::kDeadlineExceeded, "drive too slow");
    spdlog::warn("msg=\"shard given up\" extent={} drive={} reason={}", extent_.id.ToHex(),
                 extent_.locations[shard_of[i]].drive.value + 1,
                 LogValue(shard.failure.ToString()));
  }
  size_t good = 0;
  std::vector<Status> failures;
  for (const SharedShard& shard : shards_) {
    good += shard->failed ? 0 : 1;
    failures.push_back(shard->failure);
  }
  if (good < needed) co_return TooFewShards(good, static_cast<int>(needed), failures);
  co_return Status::Ok();
}

Task<Status> ExtentWriter::Open() {
  auto gathering = Gathering<Status>::Create(core_.background);
  std::vector<size_t> shard_of;
  for (size_t i = 0; i < shards_.size(); ++i) {
    gathering->Start(OpenShard(shards_[i], SpecOf(extent_, i, layout_.shard_bytes(), patience_)));
    shard_of.push_back(i);
  }
  co_return co_await Settle(std::move(gathering), std::move(shard_of));
}

Task<Status> ExtentWriter::AppendStripes(std::vector<SharedBuffer> full) {
  CHECK(!full.empty() && full.size() <= kStripesPerWrite);
  const auto buffers = std::make_shared<const std::vector<SharedBuffer>>(std::move(full));
  std::vector<Stripe> stripes;
  for (const SharedBuffer& buffer : *buffers) {
    stripes.push_back({buffer->data(), layout_.UnitBytes(next_stripe_++)});
  }
  std::vector<std::vector<Sha256Digest>> leaves;
  CodeAndHash(core_.deps.encoder, stripes, &leaves);
  auto gathering = Gathering<Status>::Create(core_.background);
  std::vector<size_t> shard_of;
  for (size_t i = 0; i < shards_.size(); ++i) {
    // Of a shard that was given up too: its root stands in the row, and healing makes it by that.
    shards_[i]->leaves.insert(shards_[i]->leaves.end(), leaves[i].begin(), leaves[i].end());
    if (shards_[i]->failed) continue;
    std::vector<ByteSpan> pieces;
    for (const auto& [units, unit_bytes] : stripes) {
      pieces.emplace_back(units + i * unit_bytes, unit_bytes);
    }
    gathering->Start(Append(shards_[i], buffers, std::move(pieces)));
    shard_of.push_back(i);
  }
  co_return co_await Settle(std::move(gathering), std::move(shard_of));
}

Task<Status> ExtentWriter::Finish(metadata_db::NewExtents* out) {
  auto gathering = Gathering<Status>::Create(core_.background);
  std::vector<size_t> shard_of;
  for (size_t i = 0; i < shards_.size(); ++i) {
    extent_.roots[i] = model::ShardRoot(shards_[i]->leaves);
    if (shards_[i]->failed) continue;
    gathering->Start(FinishShard(shards_[i]));
    shard_of.push_back(i);
  }
  CO_RETURN_IF_ERROR(co_await Settle(std::move(gathering), std::move(shard_of)));
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i]->failed) {
      GiveUpShard(core_, &extent_, i, out);
    } else {
      extent_.locations[i] = shards_[i]->location;
    }
  }
  out->extents.push_back(extent_);
  out->exchanges_seen = std::min(out->exchanges_seen, exchanges_seen_);
  if (FailpointsArmed()) co_await DelayAtFailpoint("put.shards_synced");
  co_return Status::Ok();
}

namespace {

// One record of a one-stripe extent.
struct WholeShard {
  SharedBuffer buffer;
  std::vector<Sha256Digest> leaves;
};

Task<Result<model::ShardLocation>> WriteWholeShard(chunk_server::ChunkStore* store,
                                                   chunk_server::ShardSpec spec,
                                                   std::shared_ptr<WholeShard> shard,
                                                   ByteSpan body) {
  co_return co_await store->WriteShard(spec, body, shard->leaves);
}

}  // namespace

Task<Status> WriteOneStripeExtent(Core& core, ExtentId id, SharedBuffer buffer,
                                  uint64_t payload_bytes, uint32_t directory_bytes,
                                  Duration patience, metadata_db::NewExtents* out) {
  out->exchanges_seen = std::min(out->exchanges_seen, core.deps.metadata.drive_exchanges());
  model::Extent extent = NewExtent(core, id, payload_bytes, directory_bytes);
  const model::ExtentLayout layout(core.data_shards(), extent.unit_bytes, payload_bytes);
  CHECK(layout.stripe_count() == 1);
  const size_t unit = layout.UnitBytes(0);
  CHECK(buffer->size() >= unit * extent.locations.size());
  std::vector<std::vector<Sha256Digest>> leaves;
  const Stripe stripe = {buffer->data(), unit};
  CodeAndHash(core.deps.encoder, std::span(&stripe, 1), &leaves);

  auto gathering = Gathering<Result<model::ShardLocation>>::Create(core.background);
  for (size_t i = 0; i < extent.locations.size(); ++i) {
    extent.roots[i] = model::ShardRoot(leaves[i]);
    auto shard = std::make_shared<WholeShard>();
    shard->buffer = buffer;
    shard->leaves = std::move(leaves[i]);
    gathering->Start(WriteWholeShard(core.deps.stores[extent.locations[i].drive.value],
                                     SpecOf(extent, i, unit, patience), std::move(shard),
                                     ByteSpan(buffer->data() + i * unit, unit)));
  }
  const auto needed =
      static_cast<size_t>(SeededBug("write.acknowledge_too_few") ? core.data_shards() - 1
                                                                 : core.acknowledge_shards_min());
  auto never = [] { return false; };
  co_await gathering->Wait(never, core.options.write_straggler_patience);
  auto enough = [raw = gathering.get(), needed] { return raw->successes() >= needed; };
  co_await gathering->Wait(enough, std::nullopt);

  size_t good = 0;
  std::vector<Status> failures;
  for (size_t i = 0; i < extent.locations.size(); ++i) {
    const Result<model::ShardLocation>* result = gathering->result(i);
    if (result != nullptr && result->ok()) {
      extent.locations[i] = **result;
      ++good;
    } else {
      failures.push_back(result != nullptr ? result->status()
                                           : Status(Code::kDeadlineExceeded, "drive too slow"));
      GiveUpShard(core, &extent, i, out);
    }
  }
  if (good < needed) {
    out->repairs.clear();
    co_return TooFewShards(good, static_cast<int>(needed), failures);
  }
  out->extents.push_back(std::move(extent));
  if (FailpointsArmed()) co_await DelayAtFailpoint("put.shards_synced");
  co_return Status::Ok();
}

}  // namespace ashlar::object_service

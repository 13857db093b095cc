#include "cluster/healing/extent_rebuild.h"

#include <algorithm>

#include "cluster/pacing/pass_failpoint.h"
#include "cluster/pacing/patient.h"
#include "model/shard_record.h"

namespace ashlar::cluster {
namespace {

using model::kLeafBytes;

Status TooSlow(const char* what) { return {Code::kDeadlineExceeded, what}; }

// One attempt. Shared with its reads and writes, which may outlive it.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(RebuildTools& tools, metadata_db::ExtentPtr extent)
      : tools_(tools),
        extent_(std::move(extent)),
        layout_(extent_->data_shards, extent_->unit_bytes, extent_->payload_bytes),
        chunk_(static_cast<size_t>(std::min<uint64_t>(tools.chunk_bytes, layout_.shard_bytes()))) {}

  Task<RebuildOutcome> Rebuild(std::vector<WantedShard> wanted, ShardMask doubtful);
  Task<Status> Check(uint8_t shard);

 private:
  struct Output {
    WantedShard wanted;
    size_t slot = 0;
    std::unique_ptr<chunk_server::ShardWriter> writer;
    std::vector<Sha256Digest> leaves;
    Sha256Digest root{};
    model::ShardLocation location;
    Status failure;
    bool good() const { return failure.ok(); }
  };
  struct Source {
    uint8_t shard = 0;
    size_t slot = 0;
    bool read = false;  // of the chunk at hand
  };

  MutableByteSpan Slot(size_t slot, size_t size) const {
    return {buffer_.data() + slot * chunk_, size};
  }
  bool whole() const { return layout_.shard_bytes() <= chunk_; }
  void ChooseCandidates(ShardMask doubtful);
  chunk_server::ShardSpec SpecOf(uint8_t shard) const;
  Task<Status> Acquire(size_t slots);
  Task<Status> MakeAll();
  Task<Status> MakeChunk(uint64_t offset, size_t size);
  Task<Status> CopyChunk(uint64_t offset, size_t size);
  Task<Status> GatherChunk(uint64_t offset, size_t size);
  Status DecodeChunk(size_t size);
  void HashChunk(size_t size);
  Status CheckRoots();
  // Runs a step of every good output at once; failures stay with their outputs.
  enum class Step { kOpen, kAppend, kFinish, kWriteWhole };
  Task<Status> RunOutputs(Step step, size_t size);

  static Task<Status> Read(std::shared_ptr<Attempt> self, uint8_t shard, uint64_t offset,
                           MutableByteSpan out);
  static Task<Status> RunOutput(std::shared_ptr<Attempt> self, Output* output, Step step,
                                size_t size);
  size_t GoodOutputs() const {
    return static_cast<size_t>(
        std::count_if(outputs_.begin(), outputs_.end(), [](const Output& o) { return o.good(); }));
  }

  RebuildTools& tools_;
  const metadata_db::ExtentPtr extent_;
  const model::ExtentLayout layout_;
  const size_t chunk_;
  PooledBuffer buffer_;
  std::vector<Output> outputs_;
  std::vector<uint8_t> candidates_;  // shards to read from, worst first
  std::vector<Source> sources_;      // at most k, ascending by shard
  RebuildOutcome outcome_;
};

Task<Status> Attempt::Read(std::shared_ptr<Attempt> self, uint8_t shard, uint64_t offset,
                           MutableByteSpan out) {
  chunk_server::ShardAddress address;
  address.extent = self->extent_->id;
  address.shard_index = shard;
  address.body_bytes = self->layout_.shard_bytes();
  address.location = self->extent_->locations[shard];
  address.root = self->extent_->roots[shard];
  co_return co_await self->tools_.stores[address.location.drive.value]->ReadShard(address, offset,
                                                                                  out);
}

chunk_server::ShardSpec Attempt::SpecOf(uint8_t shard) const {
  chunk_server::ShardSpec spec;
  spec.extent = extent_->id;
  spec.shard_index = shard;
  spec.data_shards = extent_->data_shards;
  spec.parity_shards = extent_->parity_shards;
  spec.tier = extent_->tier;
  spec.generation = extent_->locations[shard].generation + 1;
  spec.body_bytes = layout_.shard_bytes();
  spec.payload_bytes = extent_->payload_bytes;
  spec.directory_bytes = extent_->directory_bytes;
  spec.unit_bytes = extent_->unit_bytes;
  return spec;
}

Task<Status> Attempt::Acquire(size_t slots) {
  CO_ASSIGN_OR_RETURN(buffer_, co_await tools_.buffers.Acquire(std::max<size_t>(slots * chunk_, 1),
                                                               tools_.buffer_patience));
  co_return Status::Ok();
}

Task<Status> Attempt::Check(uint8_t shard) {
  CO_RETURN_IF_ERROR(co_await Acquire(1));
  const uint64_t shard_bytes = layout_.shard_bytes();
  for (uint64_t offset = 0; offset < shard_bytes; offset += chunk_) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(chunk_, shard_bytes - offset));
    std::vector<Task<Status>> reads;
    reads.push_back(Read(shared_from_this(), shard, offset, Slot(0, size)));
    const auto results =
        co_await WaitPatiently(tools_.scope, tools_.read_patience, std::move(reads));
    if (!results[0]) co_return TooSlow("a drive does not answer");
    CO_RETURN_IF_ERROR(*results[0]);
    co_await tools_.pacer.Take(size);
  }
  co_return Status::Ok();
}

// Online drives first, suspect ones then, doubtful shards last; the vector is used from its end.
void Attempt::ChooseCandidates(ShardMask doubtful) {
  std::vector<std::pair<int, uint8_t>> ranked;
  for (size_t i = 0; i < extent_->locations.size(); ++i) {
    const auto shard = static_cast<uint8_t>(i);
    const model::ShardLocation& location = extent_->locations[i];
    const bool wanted = std::any_of(outputs_.begin(), outputs_.end(),
                                    [&](const Output& o) { return o.wanted.shard == shard; });
    if (wanted || !location.present || location.drive.value >= tools_.stores.size()) continue;
    const chunk_server::DriveState state = tools_.stores[location.drive.value]->GetStatus().state;
    const int rank = state == chunk_server::DriveState::kOffline   ? 8
                     : state == chunk_server::DriveState::kSuspect ? 2
                                                                   : 0;
    ranked.emplace_back(rank + ((doubtful & MaskOf(i)) != 0 ? 4 : 0), shard);
  }
  std::sort(ranked.rbegin(), ranked.rend());
  for (const auto& [rank, shard] : ranked) candidates_.push_back(shard);
}

Task<RebuildOutcome> Attempt::Rebuild(std::vector<WantedShard> wanted, ShardMask doubtful) {
  for (const WantedShard& one : wanted) {
    Output output;
    output.wanted = one;
    output.slot = extent_->data_shards + outputs_.size();
    output.leaves.reserve(model::LeafCount(layout_.shard_bytes()));
    outputs_.push_back(std::move(output));
  }
  ChooseCandidates(doubtful);
  outcome_.status = co_await MakeAll();
  for (Output& output : outputs_) {
    if (!output.good()) {
      outcome_.write_failure = output.failure;
    } else if (output.location.present) {
      metadata_db::ShardMove move;
      move.extent = extent_->id;
      move.shard_index = output.wanted.shard;
      move.from = extent_->locations[output.wanted.shard];
      move.to = output.location;
      move.root = output.root;
      outcome_.moves.push_back(move);
    }
  }
  co_return std::move(outcome_);
}

Task<Status> Attempt::MakeAll() {
  const erasure_encoder::Code& code = tools_.encoder.code();
  if (code.data_shards != extent_->data_shards || code.parity_shards != extent_->parity_shards) {
    co_return Status(Code::kInvalidArgument, "the extent has another code than the store");
  }
  CO_RETURN_IF_ERROR(co_await Acquire(extent_->data_shards + outputs_.size()));
  CO_RETURN_IF_ERROR(co_await PassFailpoint("heal.read"));
  const uint64_t shard_bytes = layout_.shard_bytes();
  if (!whole()) CO_RETURN_IF_ERROR(co_await RunOutputs(Step::kOpen, 0));
  for (uint64_t offset = 0; offset < shard_bytes && GoodOutputs() > 0; offset += chunk_) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(chunk_, shard_bytes - offset));
    co_await tools_.pacer.Take(size * GoodOutputs());
    CO_RETURN_IF_ERROR(co_await MakeChunk(offset, size));
    if (!whole()) CO_RETURN_IF_ERROR(co_await RunOutputs(Step::kAppend, size));
  }
  CO_RETURN_IF_ERROR(CheckRoots());
  const Step last = whole() ? Step::kWriteWhole : Step::kFinish;
  CO_RETURN_IF_ERROR(co_await RunOutputs(last, static_cast<size_t>(shard_bytes)));
  co_return co_await PassFailpoint("heal.shard_written");
}

Task<Status> Attempt::MakeChunk(uint64_t offset, size_t size) {
  CO_RETURN_IF_ERROR(co_await CopyChunk(offset, size));
  const bool decode = std::any_of(outputs_.begin(), outputs_.end(), [](const Output& output) {
    return output.good() && !output.wanted.copy;
  });
  if (decode) {
    CO_RETURN_IF_ERROR(co_await GatherChunk(offset, size));
    CO_RETURN_IF_ERROR(DecodeChunk(size));
  }
  HashChunk(size);
  co_return Status::Ok();
}

// Shards that move are read from where they are; one that does not read is decoded from now on.
Task<Status> Attempt::CopyChunk(uint64_t offset, size_t size) {
  std::vector<Task<Status>> reads;
  std::vector<Output*> of;
  for (Output& output : outputs_) {
    if (!output.good() || !output.wanted.copy) continue;
    reads.push_back(Read(shared_from_this(), output.wanted.shard, offset, Slot(output.slot, size)));
    of.push_back(&output);
  }
  if (reads.empty()) co_return Status::Ok();
  const auto results = co_await WaitPatiently(tools_.scope, tools_.read_patience, std::move(reads));
  for (size_t i = 0; i < of.size(); ++i) {
    if (!results[i]) co_return TooSlow("a drive does not answer");
    if (!results[i]->ok()) of[i]->wanted.copy = false;
  }
  co_return Status::Ok();
}

// k verified columns of the chunk in sources_; one that fails is replaced by the next candidate.
Task<Status> Attempt::GatherChunk(uint64_t offset, size_t size) {
  const size_t k = extent_->data_shards;
  for (Source& source : sources_) source.read = false;
  while (true) {
    std::vector<bool> used(k, false);
    for (const Source& source : sources_) used[source.slot] = true;
    for (size_t slot = 0; slot < k && !candidates_.empty(); ++slot) {
      if (used[slot]) continue;
      Source source;
      source.shard = candidates_.back();
      source.slot = slot;
      candidates_.pop_back();
      sources_.push_back(source);
    }
    if (sources_.size() < k) {
      outcome_.unrecoverable = true;
      co_return Status(Code::kUnavailable, "only " + std::to_string(sources_.size()) + " of " +
                                               std::to_string(k) + " shards can be read");
    }
    std::vector<Task<Status>> reads;
    std::vector<size_t> of;
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].read) continue;
      reads.push_back(
          Read(shared_from_this(), sources_[i].shard, offset, Slot(sources_[i].slot, size)));
      of.push_back(i);
    }
    if (reads.empty()) break;
    const auto results =
        co_await WaitPatiently(tools_.scope, tools_.read_patience, std::move(reads));
    for (size_t i = of.size(); i-- > 0;) {
      if (!results[i]) co_return TooSlow("a drive does not answer");
      Source& source = sources_[of[i]];
      source.read = results[i]->ok();
      if (source.read) continue;
      const Code code = results[i]->code();
      if (code == Code::kCorrupt || code == Code::kNotFound || code == Code::kIoError) {
        outcome_.damaged.push_back({source.shard, code});
      }
      sources_.erase(sources_.begin() + static_cast<std::ptrdiff_t>(of[i]));
    }
  }
  std::sort(sources_.begin(), sources_.end(),
            [](const Source& a, const Source& b) { return a.shard < b.shard; });
  co_return Status::Ok();
}

Status Attempt::DecodeChunk(size_t size) {
  std::vector<uint8_t> present;
  std::vector<const uint8_t*> in;
  for (const Source& source : sources_) {
    present.push_back(source.shard);
    in.push_back(Slot(source.slot, size).data());
  }
  std::vector<uint8_t> wanted;
  std::vector<uint8_t*> out;
  for (const Output& output : outputs_) {
    if (!output.good() || output.wanted.copy) continue;
    wanted.push_back(output.wanted.shard);
    out.push_back(Slot(output.slot, size).data());
  }
  return tools_.encoder.Reconstruct(present, in, wanted, out, size);
}

void Attempt::HashChunk(size_t size) {
  std::vector<ByteSpan> inputs;
  for (const Output& output : outputs_) {
    if (!output.good()) continue;
    const ByteSpan column = Slot(output.slot, size);
    for (size_t at = 0; at < size; at += kLeafBytes) {
      inputs.push_back(column.subspan(at, std::min<size_t>(kLeafBytes, size - at)));
    }
  }
  std::vector<Sha256Digest> digests(inputs.size());
  Sha256Many(inputs, digests);
  const size_t each = model::LeafCount(size);
  auto next = digests.begin();
  for (Output& output : outputs_) {
    if (!output.good()) continue;
    const auto end = next + static_cast<std::ptrdiff_t>(each);
    output.leaves.insert(output.leaves.end(), next, end);
    next = end;
  }
}

// Before anything is finished: a shard that is not what the row says must never be named by it.
Status Attempt::CheckRoots() {
  for (Output& output : outputs_) {
    if (!output.good()) continue;
    output.root = model::ShardRoot(output.leaves);
    const Sha256Digest& expected = extent_->roots[output.wanted.shard];
    if (expected != Sha256Digest{} && expected != output.root) {
      return {Code::kCorrupt, "rebuilt shard " + std::to_string(output.wanted.shard) +
                                  " does not have the root of the extent's row"};
    }
  }
  return Status::Ok();
}

Task<Status> Attempt::RunOutput(std::shared_ptr<Attempt> self, Output* output, Step step,
                                size_t size) {
  chunk_server::ChunkStore& store = *self->tools_.stores[output->wanted.to.value];
  const chunk_server::ShardSpec spec = self->SpecOf(output->wanted.shard);
  const ByteSpan column = self->Slot(output->slot, step == Step::kFinish ? 0 : size);
  if (step == Step::kOpen) {
    CO_ASSIGN_OR_RETURN(output->writer, co_await store.OpenShard(spec));
  } else if (step == Step::kAppend) {
    CO_RETURN_IF_ERROR(co_await output->writer->AppendPiece(column));
  } else if (step == Step::kFinish) {
    CO_ASSIGN_OR_RETURN(output->location, co_await output->writer->Finish(output->leaves));
  } else {
    CO_ASSIGN_OR_RETURN(output->location, co_await store.WriteShard(spec, column, output->leaves));
  }
  co_return Status::Ok();
}

Task<Status> Attempt::RunOutputs(Step step, size_t size) {
  std::vector<Task<Status>> tasks;
  std::vector<Output*> of;
  for (Output& output : outputs_) {
    if (!output.good()) continue;
    tasks.push_back(RunOutput(shared_from_this(), &output, step, size));
    of.push_back(&output);
  }
  const auto results =
      co_await WaitPatiently(tools_.scope, tools_.write_patience, std::move(tasks));
  for (size_t i = 0; i < of.size(); ++i) {
    if (!results[i]) co_return TooSlow("a drive does not finish its write");
    if (!results[i]->ok()) of[i]->failure = *results[i];
  }
  co_return Status::Ok();
}

}  // namespace

Task<RebuildOutcome> RebuildShards(RebuildTools& tools, metadata_db::ExtentPtr extent,
                                   std::vector<WantedShard> wanted, ShardMask doubtful) {
  const auto attempt = std::make_shared<Attempt>(tools, std::move(extent));
  co_return co_await attempt->Rebuild(std::move(wanted), doubtful);
}

Task<Status> CheckShard(RebuildTools& tools, metadata_db::ExtentPtr extent, uint8_t shard) {
  const auto attempt = std::make_shared<Attempt>(tools, std::move(extent));
  co_return co_await attempt->Check(shard);
}

}  // namespace ashlar::cluster

// ExtentCatalog for the compactor: sparse extents, who refers to them, and slices that move to
// other extents while the objects stay what they are.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "metadata_db/extent_catalog.h"
#include "metadata_db/transactions/extent_rows.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/referrer_rows.h"
#include "metadata_db/transactions/row_walk.h"
#include "metadata_db/transactions/uploads.h"
#include "metadata_db/transactions/version_chain.h"

namespace ashlar::metadata_db {
namespace {

using Parts = std::vector<model::Part>;

// ---- decisions on values

// The slices of `parts` that lie in one of the extents, as one part.
model::Part SlicesIn(const Parts& parts, const std::set<ExtentId>& extents) {
  model::Part found;
  for (const model::Part& part : parts) {
    for (const model::Slice& slice : part.slices) {
      if (extents.contains(slice.extent)) found.slices.push_back(slice);
    }
  }
  return found;
}

// Parts before and after a move. Books are kept by whole extents (ReferenceLedger, 4), so all
// slices in the extents that the move touches are dropped, and what is there afterwards is added.
struct PartsMove {
  Parts parts;
  model::Part dropped;
  model::Part added;
};

// kConflict: a slice that was found is not there.
Result<PartsMove> PlanMove(const Parts& parts, const std::vector<SliceMove>& moves) {
  using Place = std::tuple<ExtentId, uint64_t, uint64_t>;
  const auto place_of = [](const model::Slice& slice) {
    return Place(slice.extent, slice.offset, slice.length);
  };
  std::multimap<Place, const model::Slice*> left;
  std::set<ExtentId> touched;
  for (const SliceMove& move : moves) {
    if (move.from.length != move.to.length) {
      return Status(Code::kInvalidArgument, "a slice keeps its length when it moves");
    }
    left.emplace(place_of(move.from), &move.to);
    touched.insert(move.from.extent);
    touched.insert(move.to.extent);
  }
  PartsMove plan{.parts = parts, .dropped = SlicesIn(parts, touched), .added = {}};
  for (model::Part& part : plan.parts) {
    for (model::Slice& slice : part.slices) {
      const auto move = left.find(place_of(slice));
      if (move == left.end()) continue;
      slice = *move->second;
      left.erase(move);
    }
  }
  if (!left.empty()) return Status(Code::kConflict, "the referrer does not hold these slices");
  plan.added = SlicesIn(plan.parts, touched);
  return plan;
}

// ---- moving

Status PrepareMove(Change& change, const PartsMove& plan) {
  RETURN_IF_ERROR(change.ledger().PrepareDrop({&plan.dropped, 1}));
  return change.ledger().PrepareAdd({&plan.added, 1});
}

void MoveReferences(Change& change, const PartsMove& plan, std::string_view referrer) {
  change.ledger().Drop({&plan.dropped, 1}, referrer, model::ReclaimCause::kCompacted);
  change.ledger().Add({&plan.added, 1}, referrer);
}

Status MoveSlicesOfVersion(Change& change, const ReferrerMove& move) {
  const Referrer& referrer = move.referrer;
  ASSIGN_OR_RETURN(auto found, FindVersionBySequence(change.rows(), referrer.bucket, referrer.key,
                                                     referrer.sequence));
  if (!found) return Status(Code::kConflict, "the version has gone");
  ASSIGN_OR_RETURN(PartsMove plan, PlanMove(found->stored.version.parts, move.slices));
  RETURN_IF_ERROR(PrepareMove(change, plan));
  MoveReferences(change, plan, VersionReferrer(referrer.bucket, referrer.key, referrer.sequence));
  RewriteParts(change, referrer.bucket, referrer.key, std::move(*found), std::move(plan.parts));
  return Status::Ok();
}

Status MoveSlicesOfPart(Change& change, const ReferrerMove& move) {
  const Referrer& referrer = move.referrer;
  ASSIGN_OR_RETURN(auto stored, ReadPart(change.rows(), referrer.upload_id, referrer.part_number));
  if (!stored) return Status(Code::kConflict, "the part has gone");
  ASSIGN_OR_RETURN(PartsMove plan, PlanMove({stored->part.part}, move.slices));
  RETURN_IF_ERROR(PrepareMove(change, plan));
  MoveReferences(change, plan, PartReferrer(referrer.upload_id, referrer.part_number));
  stored->part.part = std::move(plan.parts.front());
  WritePart(change, referrer.upload_id, *stored);
  model::OutboxEvent event;
  event.sequence = change.NextSequence();
  event.type = model::EventType::kPartMoved;
  event.time_ms = change.now_ms();
  if (!move.slices.empty()) event.first_slice = move.slices.front().to;
  change.Emit(event);
  return Status::Ok();
}

Status MoveSlicesBody(Change& change, const NewExtents& extents,
                      const std::vector<ReferrerMove>& moves, std::vector<Status>* results) {
  results->clear();
  RETURN_IF_ERROR(change.AddExtents(extents));
  for (const ReferrerMove& move : moves) {
    results->push_back(move.referrer.kind == Referrer::Kind::kVersion
                           ? MoveSlicesOfVersion(change, move)
                           : MoveSlicesOfPart(change, move));
  }
  return change.Finish();
}

// ---- listing

// Fills in what the referrer's own row says. kCorrupt: the books do not balance.
Status LookUpReferrer(View& view, const ExtentId& id, ExtentReferrer* entry) {
  const Referrer& referrer = entry->referrer;
  if (referrer.kind == Referrer::Kind::kVersion) {
    ASSIGN_OR_RETURN(const auto found,
                     FindVersionBySequence(view, referrer.bucket, referrer.key, referrer.sequence));
    ASSIGN_OR_RETURN(const auto bucket, view.Get(BucketKey(Table::kBucket, referrer.bucket)));
    if (!found || !bucket) return Status(Code::kCorrupt, "a version that refers is not there");
    ASSIGN_OR_RETURN(model::Bucket decoded, model::DecodeBucket(*bucket));
    entry->bucket_name = std::move(decoded.name);
    entry->slices = SlicesIn(found->stored.version.parts, {id}).slices;
  } else {
    ASSIGN_OR_RETURN(const auto stored, ReadPart(view, referrer.upload_id, referrer.part_number));
    if (!stored) return Status(Code::kCorrupt, "a part that refers is not there");
    entry->slices = SlicesIn({stored->part.part}, {id}).slices;
  }
  if (entry->slices.empty()) return Status(Code::kCorrupt, "a referrer without slices");
  return Status::Ok();
}

Status ListReferrersBody(View& view, const ExtentId& id, uint32_t max_entries,
                         std::vector<ExtentReferrer>* referrers) {
  referrers->clear();
  const std::string prefix = ReferrerKey(id, {});
  const auto cursor = view.NewCursor();
  cursor->Seek(prefix);
  for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    if (referrers->size() >= max_entries) break;
    ExtentReferrer& entry = referrers->emplace_back();
    ASSIGN_OR_RETURN(entry.referrer, ParseReferrer(cursor->key().substr(prefix.size())));
    RETURN_IF_ERROR(LookUpReferrer(view, id, &entry));
  }
  return cursor->status();
}

Status ListSparseBody(View& view, const ExtentId& after, uint32_t max_entries,
                      std::vector<ExtentUse>* sparse) {
  sparse->clear();
  const auto use_of = [&view](std::string_view key, std::string_view) -> Result<ExtentUse> {
    const ExtentId id = UniqueId::FromView(key.substr(1));
    ASSIGN_OR_RETURN(const auto bytes, ReadLiveBytes(view, id));
    if (!bytes) return Status(Code::kCorrupt, "a sparse extent without live bytes");
    return ExtentUse{.extent = id, .live_bytes = bytes->live, .data_bytes = bytes->data};
  };
  return ReadRows(view, Table::kSparse, Behind(TableKey(Table::kSparse, after.View())), max_entries,
                  use_of, sparse);
}

}  // namespace

Task<Result<std::vector<ExtentReferrer>>> ExtentCatalog::ListReferrers(ExtentId id,
                                                                       uint32_t max_entries) {
  std::vector<ExtentReferrer> referrers;
  ReadBody body = [&](Snapshot& snapshot) {
    return ListReferrersBody(snapshot, id, max_entries, &referrers);
  };
  CO_RETURN_IF_ERROR(co_await metadata_.impl_->store.Read(std::move(body)));
  co_return referrers;
}

Task<Result<std::vector<ExtentUse>>> ExtentCatalog::ListSparse(ExtentId after,
                                                               uint32_t max_entries) {
  std::vector<ExtentUse> sparse;
  ReadBody body = [&](Snapshot& snapshot) {
    return ListSparseBody(snapshot, after, max_entries, &sparse);
  };
  CO_RETURN_IF_ERROR(co_await metadata_.impl_->store.Read(std::move(body)));
  co_return sparse;
}

Task<std::vector<Status>> ExtentCatalog::MoveSlices(NewExtents extents,
                                                    std::vector<ReferrerMove> moves) {
  std::vector<Status> results;
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*metadata_.impl_, transaction);
    return MoveSlicesBody(change, extents, moves, &results);
  };
  const Status status = co_await metadata_.impl_->Submit(std::move(body));
  if (!status.ok()) results.assign(moves.size(), status);
  co_return results;
}

}  // namespace ashlar::metadata_db

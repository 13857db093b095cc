#include "checkers/no_lost_object.h"

#include <utility>

#include "checkers/version_chain.h"
#include "workload/service_access.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "no_lost_object";
constexpr uint32_t kAll = 100'000;

// Versions and uploads of all keys of a bucket as they are now.
Task<bool> ReadBucket(Process* process, ReferenceModel* model, Judge* judge, std::string bucket,
                      bool with_uploads, const bool* ended) {
  VersionChainCheck chains(*model, *judge, bucket);
  OpPtr op = model->NewOp(OpKind::kReadUploads);
  model->InvokeBucket(bucket, op);
  OpPtr itself = model->NewOp(OpKind::kReadBucket);
  model->InvokeBucket(bucket, itself);
  const auto home = co_await process->service().GetBucket(bucket);
  if (*ended) co_return false;
  if (!home.ok()) {
    Outcome outcome;
    outcome.code = home.code();
    chains.End("", home.status());
    model->EndBucket(bucket, op, outcome, kChecker);
    model->EndBucket(bucket, itself, outcome, kChecker);
    co_return true;
  }
  model->EndBucket(bucket, itself, SeeBucket((*home)->versioning), kChecker);
  metadata_db::ListVersionsRequest versions;
  versions.bucket = (*home)->id;
  versions.max_entries = kAll;
  const auto page = co_await process->service().ListVersions(std::move(versions));
  if (*ended) co_return false;
  chains.End("", page);
  if (!with_uploads) {
    for (const std::string& key : model->keys()) model->Forget(bucket, key, op);
    co_return true;
  }
  metadata_db::ListUploadsRequest request;
  request.bucket = (*home)->id;
  request.max_entries = kAll;
  const auto uploads = co_await process->service().ListUploads(std::move(request));
  if (*ended) co_return false;
  for (const std::string& key : model->keys()) {
    Outcome outcome;
    outcome.code = uploads.code();
    if (uploads.ok()) {
      for (const model::Upload& upload : uploads->uploads) {
        if (upload.key != key) continue;
        Seen seen;
        seen.id = upload.id.ToHex();
        for (const auto& [name, value] : upload.user_metadata) seen.tag = value;
        outcome.seen.push_back(std::move(seen));
      }
      SortByTag(&outcome.seen);
    }
    model->End(bucket, key, op, outcome, kChecker);
  }
  co_return true;
}

struct Place {
  std::string bucket;
  std::string key;
};

Task<Outcome> ReadOne(ServiceAccess* access, ReferenceModel* model, Judge* judge, Place place,
                      OpPtr op, const bool* ended) {
  model->Invoke(place.bucket, place.key, op);
  Outcome outcome = co_await access->Perform(place.bucket, place.key, op, kWhole);
  if (*ended) co_return outcome;
  const std::string where = place.bucket + "/" + place.key;
  if (VerdictOf(outcome.code) != Verdict::kDefinite && outcome.code != Code::kOverloaded) {
    judge->Report(kChecker, where + ": " + op->ToString() + " -> " + outcome.ToString());
  }
  model->End(place.bucket, place.key, op, outcome, kChecker);
  co_return outcome;
}

}  // namespace

void CheckReadable(const std::string& where, const Op& op, const Outcome& outcome, Judge* judge) {
  const bool lost = outcome.code == Code::kCorrupt || outcome.code == Code::kInternal;
  const bool unreachable = op.kind == OpKind::kRead &&
                           (outcome.code == Code::kUnavailable || outcome.code == Code::kIoError ||
                            outcome.code == Code::kDeadlineExceeded);
  if (!lost && !unreachable) return;
  judge->Report(kChecker, where + ": " + op.ToString() + " -> " + outcome.ToString());
}

Task<bool> CheckAllObjects(Process* process, ReferenceModel* model, Judge* judge, bool with_uploads,
                           const bool* process_ended) {
  ServiceAccess access(*process, *model, *judge);
  for (const std::string& bucket : model->buckets()) {
    if (!co_await ReadBucket(process, model, judge, bucket, with_uploads, process_ended)) {
      co_return false;
    }
    for (const std::string& key : model->keys()) {
      const Place place{bucket, key};
      // By value: learning changes the state that is walked.
      std::vector<UploadState> uploads;
      if (with_uploads) uploads = model->Of(bucket, key).Likely()->uploads;
      for (const UploadState& upload : uploads) {
        OpPtr op = model->NewOp(OpKind::kReadParts);
        op->upload_id = upload.id;
        co_await ReadOne(&access, model, judge, place, op, process_ended);
        if (*process_ended) co_return false;
      }
      const KeyStatePtr state = model->Of(bucket, key).Settled();
      if (state == nullptr) {
        judge->Report(kChecker, bucket + "/" + key + ": outcomes stay unknown: " +
                                    model->Of(bucket, key).ToString());
        continue;
      }
      for (const VersionState& version : state->chain) {
        OpPtr op = model->NewOp(OpKind::kRead);
        op->version_id = version.id;
        co_await ReadOne(&access, model, judge, place, op, process_ended);
        if (*process_ended) co_return false;
      }
    }
  }
  co_return true;
}

}  // namespace ashlar::sim

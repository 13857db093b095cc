#include "workload/workload.h"

#include <algorithm>
#include <utility>

#include "checkers/list_consistency.h"
#include "checkers/no_lost_object.h"
#include "checkers/version_chain.h"

namespace ashlar::sim {
namespace {

using object_service::VersionPtr;

constexpr size_t kChainMax = 6;

std::string Name(const std::string& bucket, const std::string& key) { return bucket + "/" + key; }

}  // namespace

Workload::Workload(World& world, ReferenceModel& model, Judge& judge, uint64_t operations)
    : world_(world),
      model_(model),
      judge_(judge),
      random_(world.random.Draw()),
      operations_(operations),
      large_every_(40 + random_.Below(100)) {}

void Workload::Crash() {
  ++life_;
  stopping_ = true;
  model_.Crash();
}

bool Workload::Begin() {
  if (Done()) return false;
  ++counts_.started;
  return true;
}

Workload::Target Workload::AnyTarget() {
  const auto& buckets = model_.buckets();
  const auto& keys = model_.keys();
  return {buckets[random_.Below(buckets.size())], keys[random_.Below(keys.size())]};
}

uint64_t Workload::AnySize() {
  const uint64_t stripe = static_cast<uint64_t>(world_.settings.data_shards) * model::kUnitBytes;
  if (random_.Below(large_every_) == 0) {
    switch (random_.Below(6)) {
      case 0: return stripe - random_.Below(600);  // directory in a stripe of its own
      case 1: return stripe + random_.Below(3) - 1;
      case 2: return 2 * stripe + random_.Below(stripe);
      case 3: return 128 * 1024 + random_.Below(3) - 1;  // the edge of packing
      case 4: return stripe / 2 + random_.Below(3) - 1;
      default: return 64 * 1024 + random_.Below(64 * 1024);
    }
  }
  switch (random_.Below(10)) {
    case 0: return 0;
    case 1: return 1 + random_.Below(16);
    case 2: return 16 * 1024 + random_.Below(3) - 1;
    case 3: return 4000 + random_.Below(12'000);
    default: return 1 + random_.Below(3000);
  }
}

ContentPtr Workload::AnyContent(uint64_t number) {
  ContentPtr content = NewContent(random_.Draw(), AnySize(), std::to_string(number));
  model_.Remember(content);
  return content;
}

void Workload::Condition(const Target& target, Op* op) {
  const uint64_t choice = random_.Below(10);
  if (choice == 0) op->must_not_exist = true;
  if (choice != 1) return;
  const VersionState* current = model_.Of(target.bucket, target.key).Likely()->Current();
  op->etag_match = current == nullptr || random_.Below(5) == 0 ? "*" : current->content->etag;
}

std::optional<std::string> Workload::AnyVersion(const Target& target) {
  const KeyStatePtr state = model_.Of(target.bucket, target.key).Likely();
  std::vector<std::string> ids = {"null"};
  for (const VersionState& version : state->chain) {
    if (!version.id.empty()) ids.push_back(version.id);
  }
  const auto last = last_id_.find(Name(target.bucket, target.key));
  if (last != last_id_.end()) ids.push_back(last->second);
  return ids[random_.Below(ids.size())];
}

const char* Workload::CheckerOf(OpKind kind) const {
  return IsRead(kind) ? "read_after_write" : "linearizable_writes";
}

void Workload::End(const Target& target, const OpPtr& op, const Outcome& outcome) {
  switch (VerdictOf(outcome.code)) {
    case Verdict::kDefinite:
      ++(outcome.code == Code::kOk ? counts_.ok : counts_.turned_down);
      break;
    case Verdict::kRefused: ++counts_.refused; break;
    case Verdict::kUnknown: ++counts_.unknown; break;
  }
  const std::string answer = outcome.ToString();
  judge_.Trace(Name(target.bucket, target.key) + " " + op->ToString() + " -> " + answer);
  judge_.Mix(answer);
  CheckReadable(Name(target.bucket, target.key), *op, outcome, &judge_);
  if (!target.key.empty()) {
    model_.End(target.bucket, target.key, op, outcome, CheckerOf(op->kind));
    if (!outcome.seen.empty() && outcome.seen.front().id && op->kind != OpKind::kReadParts &&
        op->kind != OpKind::kCreateUpload) {
      last_id_[Name(target.bucket, target.key)] = *outcome.seen.front().id;
    }
  } else {
    model_.EndBucket(target.bucket, op, outcome, CheckerOf(op->kind));
  }
}

Task<bool> Workload::Client(Process* process, Access* access) {
  const uint64_t life = life_;
  while (life == life_ && !stopping_ && Begin()) {
    co_await One(process, access);
    if (random_.Below(3) != 0) continue;
    // Mostly short, so that clients meet; now and then long, so that timers come to their turn.
    const uint64_t longest =
        random_.Below(40) == 0 ? 4'000'000'000ULL : 100'000ULL << random_.Below(6);
    Sleep think{Duration(static_cast<int64_t>(random_.Below(longest)))};
    if (life == life_) co_await think;
  }
  access->Close();
  co_return true;
}

Task<void> Workload::One(Process* process, Access* access) {
  const uint64_t choice = random_.Below(100);
  const Target target = AnyTarget();
  if (!model_.Of(target.bucket, target.key).Likely()->bucket_exists && random_.Below(3) == 0) {
    co_await OnBucket(access, target.bucket, model_.NewOp(OpKind::kCreateBucket));
    co_return;
  }
  if (choice < 30) {
    co_await Put(access, target);
  } else if (choice < 58) {
    co_await Read(access, target);
  } else if (choice < 68) {
    co_await Delete(access, target);
  } else if (choice < 74) {
    co_await ListPages(access, target.bucket);
  } else if (choice < 78) {
    co_await Copy(process, target);
  } else if (choice < 92) {
    co_await OnUploads(process, access);
  } else {
    co_await Rare(process, access);
  }
}

Task<void> Workload::Rare(Process* process, Access* access) {
  const Target target = AnyTarget();
  const uint64_t choice = random_.Below(20);
  if (choice < 6) {
    co_await DeleteMany(access, target.bucket, 1 + random_.Below(5));
  } else if (choice < 10) {
    co_await ListVersions(process, target.bucket);
  } else if (choice < 14) {
    co_await OnBucket(access, target.bucket, model_.NewOp(OpKind::kCreateBucket));
  } else if (choice < 16) {
    co_await OnBucket(access, target.bucket, model_.NewOp(OpKind::kDeleteBucket));
  } else if (choice < 17) {
    co_await EmptyBucket(process, access, target.bucket);
  } else {
    OpPtr op = model_.NewOp(OpKind::kSetVersioning);
    op->versioning =
        random_.Below(2) == 0 ? model::Versioning::kEnabled : model::Versioning::kSuspended;
    // The first bucket stays without versions until it is made anew.
    if (target.bucket != model_.buckets().front() || random_.Below(8) == 0) {
      co_await OnBucket(access, target.bucket, std::move(op));
    }
  }
}

Task<Outcome> Workload::Run(Access* access, Target target, OpPtr op, ReadHow how) {
  const uint64_t life = life_;
  model_.Invoke(target.bucket, target.key, op);
  Outcome outcome = co_await access->Perform(target.bucket, target.key, op, how);
  if (life != life_) {
    outcome = Outcome();
    outcome.code = Code::kCancelled;
    co_return outcome;
  }
  End(target, op, outcome);
  co_return outcome;
}

Task<void> Workload::OnBucket(Access* access, std::string bucket, OpPtr op) {
  const uint64_t life = life_;
  model_.InvokeBucket(bucket, op);
  const Outcome outcome = co_await access->Perform(bucket, "", op, kWhole);
  if (life == life_) End({bucket, ""}, op, outcome);
}

Task<void> Workload::Put(Access* access, Target target) {
  // Long chains make everything slow and show nothing new.
  if (model_.Of(target.bucket, target.key).Likely()->chain.size() > kChainMax) {
    co_await Delete(access, target);
    co_return;
  }
  OpPtr op = model_.NewOp(OpKind::kPut);
  op->content = AnyContent(op->number);
  Condition(target, op.get());
  if (random_.Below(30) == 0) op->body_breaks_at = random_.Below(op->content->size + 1);
  co_await Run(access, target, op, kWhole);
}

Task<void> Workload::Read(Access* access, Target target) {
  OpPtr op = model_.NewOp(OpKind::kRead);
  if (random_.Below(5) == 0) op->version_id = AnyVersion(target);
  ReadHow how;
  how.head = random_.Below(4) == 0;
  how.ranged = random_.Below(2) == 0;
  how.from = random_.Below(1000);
  how.length = 1 + random_.Below(random_.Below(2) == 0 ? 200 : 200'000);
  co_await Run(access, target, op, how);
}

Task<void> Workload::Delete(Access* access, Target target) {
  OpPtr op = model_.NewOp(OpKind::kDelete);
  const bool long_chain = model_.Of(target.bucket, target.key).Likely()->chain.size() > 3;
  if (long_chain || random_.Below(3) == 0) op->version_id = AnyVersion(target);
  if (random_.Below(8) == 0) {
    const VersionState* current = model_.Of(target.bucket, target.key).Likely()->Current();
    op->etag_match = current == nullptr ? "*" : current->content->etag;
  }
  co_await Run(access, target, op, kWhole);
}

Task<void> Workload::DeleteMany(Access* access, std::string bucket, size_t count) {
  const uint64_t life = life_;
  std::vector<DeleteCall> calls;
  std::vector<std::string> keys = model_.keys();
  for (size_t i = 0; i < count; ++i) {
    DeleteCall call;
    const size_t chosen = random_.Below(keys.size());
    call.key = keys[chosen];
    keys.erase(keys.begin() + static_cast<ptrdiff_t>(chosen));
    call.op = model_.NewOp(OpKind::kDelete);
    if (random_.Below(4) == 0) call.op->version_id = AnyVersion({bucket, call.key});
    model_.Invoke(bucket, call.key, call.op);
    calls.push_back(std::move(call));
  }
  const std::vector<Outcome> outcomes = co_await access->DeleteMany(bucket, calls);
  if (life != life_) co_return;
  for (size_t i = 0; i < calls.size(); ++i) End({bucket, calls[i].key}, calls[i].op, outcomes[i]);
}

Task<void> Workload::Copy(Process* process, Target target) {
  const uint64_t life = life_;
  ServiceAccess access(*process, model_, judge_);
  const Target from = random_.Below(4) == 0 ? target : AnyTarget();
  const Result<VersionPtr> found = co_await access.Find(from.bucket, from.key, std::nullopt);
  if (life != life_ || !found.ok()) co_return;
  CopyFrom source{from.bucket, from.key, *found, 0, 0};
  const Seen seen = SeeVersion(**found);
  const ContentPtr content = CheckHead(model_, "copy source", seen, &judge_);
  if (content == nullptr) co_return;
  OpPtr op = model_.NewOp(OpKind::kPut);
  // The copy of a completed upload has the MD5 of all its bytes.
  op->content = RangeOf(*content, 0, content->size, std::to_string(op->number));
  model_.Remember(op->content);
  model_.Invoke(target.bucket, target.key, op);
  const Outcome outcome = co_await access.Copy(target.bucket, target.key, op, source);
  if (life == life_) End(target, op, outcome);
}

Task<void> Workload::ListPages(Access* access, std::string bucket) {
  const uint64_t life = life_;
  static constexpr const char* kPrefixes[] = {"", "", "", "a", "a/", "photos/", "photos/1", "x"};
  ListCall call;
  call.bucket = bucket;
  call.prefix = kPrefixes[random_.Below(std::size(kPrefixes))];
  if (random_.Below(2) == 0) call.delimiter = "/";
  call.max_entries = static_cast<uint32_t>(1 + random_.Below(8));
  while (true) {
    ListCheck check(model_, judge_, call);
    const ListAnswer answer = co_await access->List(call);
    if (life != life_) co_return;
    check.End(answer);
    judge_.Trace("list " + bucket + " prefix=" + call.prefix + " after=" + call.after + " -> " +
                 std::string(CodeName(answer.code)) + " " + std::to_string(answer.objects.size()) +
                 "+" + std::to_string(answer.prefixes.size()));
    judge_.Mix(answer.objects.size() * 100 + answer.prefixes.size());
    if (answer.code != Code::kOk || !answer.truncated || !Begin()) co_return;
    call.after = answer.next;
    call.token = answer.token;
  }
}

Task<void> Workload::ListVersions(Process* process, std::string bucket) {
  const uint64_t life = life_;
  metadata_db::ListVersionsRequest request;
  request.max_entries = static_cast<uint32_t>(4 + random_.Below(40));
  if (random_.Below(3) == 0) request.key_marker = model_.keys()[random_.Below(4)];
  VersionChainCheck check(model_, judge_, bucket);
  const auto home = co_await process->service().GetBucket(bucket);
  if (life != life_) co_return;
  if (!home.ok()) {
    check.End(request.key_marker, home.status());
    co_return;
  }
  request.bucket = (*home)->id;
  const std::string key_marker = request.key_marker;
  const auto page = co_await process->service().ListVersions(std::move(request));
  if (life == life_) check.End(key_marker, page);
}

// Removes all that is seen in the bucket, then the bucket.
Task<void> Workload::EmptyBucket(Process* process, Access* access, std::string bucket) {
  const uint64_t life = life_;
  for (const std::string& key : model_.keys()) {
    const KeyStatePtr state = model_.Of(bucket, key).Likely();
    for (const VersionState& version : state->chain) {
      if (version.id.empty() || !Begin()) continue;
      OpPtr op = model_.NewOp(OpKind::kDelete);
      op->version_id = version.id;
      const Target target{bucket, key};
      co_await Run(access, target, op, kWhole);
      if (life != life_) co_return;
    }
  }
  co_await ListVersions(process, bucket);
  if (life != life_ || !Begin()) co_return;
  co_await OnBucket(access, bucket, model_.NewOp(OpKind::kDeleteBucket));
}

}  // namespace ashlar::sim

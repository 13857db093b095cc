// Workload: several clients that do whatever comes to their minds, and tell the model.
//
// An operation is: tell the model that it begins, call the store, tell the model how it ended. When
// the process dies meanwhile, the answer is not heard: `life` has changed, and the model knows by
// its Crash() that the outcome is unknown.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "judge.h"
#include "process.h"
#include "reference/reference_model.h"
#include "workload/service_access.h"

namespace ashlar::sim {

// What clients tell each other.
struct KnownUpload {
  std::string bucket;
  std::string key;
  std::string id;
  std::string tag;
  std::map<uint32_t, ContentPtr> parts;  // as last uploaded
  NamedParts completed;                  // empty: not completed by us
};

struct WorkloadCounts {
  uint64_t started = 0;
  uint64_t ok = 0;
  uint64_t turned_down = 0;  // definite answers that are not ok
  uint64_t refused = 0;
  uint64_t unknown = 0;
};

class Workload {
 public:
  Workload(World& world, ReferenceModel& model, Judge& judge, uint64_t operations);

  // One client on one incarnation, until it ends or there is no more to do. `scope` of the caller.
  Task<bool> Client(Process* process, Access* access);
  // From now on answers are not heard, and clients stop.
  void Crash();
  // Clients finish what they do, and stop.
  void Stop() { stopping_ = true; }
  void BeginLife() { stopping_ = false; }

  bool Done() const { return counts_.started >= operations_; }
  const WorkloadCounts& counts() const { return counts_; }

 private:
  struct Target {
    std::string bucket;
    std::string key;
  };
  Task<void> One(Process* process, Access* access);
  Task<void> Rare(Process* process, Access* access);
  Task<void> OnUploads(Process* process, Access* access);

  // Single-key operations: Invoke, Perform, End.
  Task<Outcome> Run(Access* access, Target target, OpPtr op, ReadHow how);
  Task<void> OnBucket(Access* access, std::string bucket, OpPtr op);
  Task<void> Put(Access* access, Target target);
  Task<void> Read(Access* access, Target target);
  Task<void> Delete(Access* access, Target target);
  Task<void> DeleteMany(Access* access, std::string bucket, size_t count);
  Task<void> Copy(Process* process, Target target);
  Task<void> ListPages(Access* access, std::string bucket);
  Task<void> ListVersions(Process* process, std::string bucket);
  Task<void> EmptyBucket(Process* process, Access* access, std::string bucket);
  Task<void> CreateUpload(Access* access, Target target);
  Task<void> UploadPart(Access* access, std::shared_ptr<KnownUpload> upload);
  Task<void> CopyPart(Process* process, std::shared_ptr<KnownUpload> upload);
  Task<void> Complete(Access* access, std::shared_ptr<KnownUpload> upload);
  Task<void> EndUpload(Access* access, std::shared_ptr<KnownUpload> upload, OpKind kind);

  void End(const Target& target, const OpPtr& op, const Outcome& outcome);
  bool Begin();  // counts an operation; false: no more
  Target AnyTarget();
  uint64_t AnySize();
  ContentPtr AnyContent(uint64_t number);
  void Condition(const Target& target, Op* op);
  std::optional<std::string> AnyVersion(const Target& target);
  const char* CheckerOf(OpKind kind) const;

  World& world_;
  ReferenceModel& model_;
  Judge& judge_;
  SimRandom random_;
  const uint64_t operations_;
  uint64_t life_ = 0;
  bool stopping_ = false;
  WorkloadCounts counts_;
  std::vector<std::shared_ptr<KnownUpload>> uploads_;
  std::map<std::string, std::string> last_id_;  // version id last told, by bucket/key
  uint64_t large_every_ = 0;
};

}  // namespace ashlar::sim

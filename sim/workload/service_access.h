// ServiceAccess: the ObjectService called directly.
#pragma once

#include "checkers/atomic_visibility.h"
#include "process.h"
#include "workload/access.h"

namespace ashlar::sim {

class ServiceAccess final : public Access {
 public:
  ServiceAccess(Process& process, ReferenceModel& model, Judge& judge)
      : process_(process), model_(model), judge_(judge) {}

  Task<Outcome> Perform(std::string bucket, std::string key, OpPtr op, ReadHow how) override;
  Task<Outcome> Copy(std::string bucket, std::string key, OpPtr op, CopyFrom from) override;
  Task<std::vector<Outcome>> DeleteMany(std::string bucket, std::vector<DeleteCall> calls) override;
  Task<ListAnswer> List(ListCall call) override;

  // What a copy needs first. Null with its code when there is none.
  Task<Result<object_service::VersionPtr>> Find(std::string bucket, std::string key,
                                                std::optional<std::string> version_id);
  // Reads and checks the bytes of a version.
  Task<Status> ReadBody(object_service::VersionPtr version, uint64_t offset, uint64_t length);

 private:
  Task<Outcome> OnBucket(std::string bucket, OpPtr op);
  Task<Outcome> Put(object_service::BucketPtr bucket, std::string key, OpPtr op);
  Task<Outcome> Read(object_service::BucketPtr bucket, std::string key, OpPtr op, ReadHow how);
  Task<Outcome> Delete(object_service::BucketPtr bucket, std::string key, OpPtr op);
  Task<Outcome> OnUpload(object_service::BucketPtr bucket, std::string key, OpPtr op);
  Task<Outcome> Complete(object_service::BucketPtr bucket, std::string key, OpPtr op);

  Process& process_;
  ReferenceModel& model_;
  Judge& judge_;
};

// What a version looks like in an answer.
[[nodiscard]] Seen SeeVersion(const model::ObjectVersion& version);

}  // namespace ashlar::sim

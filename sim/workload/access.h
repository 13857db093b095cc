// Access: how a client of the simulation reaches the store. One way calls the ObjectService, the
// other one speaks HTTP with signatures to the gateway over a simulated connection. Both give the
// answers of key_model.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metadata_db/metadata_db.h"
#include "object_service/object_service.h"
#include "reference/reference_model.h"
#include "runtime/task.h"

namespace ashlar::sim {

// How much of the body a read wants.
struct ReadHow {
  bool head = false;
  bool ranged = false;
  uint64_t from = 0;    // in thousandths of the object
  uint64_t length = 0;  // bytes, cut at the end
};
inline constexpr ReadHow kWhole{};

struct CopyFrom {
  std::string bucket;
  std::string key;
  object_service::VersionPtr version;  // as it was found
  uint64_t offset = 0;                 // of an UploadPartCopy
  uint64_t length = 0;
};

struct ListCall {
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::string after;
  std::string token;  // as the page before gave it, where the protocol has one
  uint32_t max_entries = 1000;
};
struct ListedObject {
  std::string key;
  Seen seen;
};
struct ListAnswer {
  Code code = Code::kOk;
  std::vector<ListedObject> objects;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string next;  // the last entry
  std::string token;
};

struct DeleteCall {
  std::string key;
  OpPtr op;
};

class Access {
 public:
  virtual ~Access() = default;
  // Operations on one key, and on a bucket (empty key). Reads have the bytes checked by
  // CheckAnswer; a failure of the data is in the outcome's code.
  virtual Task<Outcome> Perform(std::string bucket, std::string key, OpPtr op, ReadHow how) = 0;
  // kPut or kPutPart whose content is that of another object.
  virtual Task<Outcome> Copy(std::string bucket, std::string key, OpPtr op, CopyFrom from) = 0;
  virtual Task<std::vector<Outcome>> DeleteMany(std::string bucket,
                                                std::vector<DeleteCall> calls) = 0;
  virtual Task<ListAnswer> List(ListCall call) = 0;
  // The client has enough.
  virtual void Close() {}
};

}  // namespace ashlar::sim

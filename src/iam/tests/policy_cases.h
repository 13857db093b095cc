// The cases of policy_cases.txt (its head tells the format).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "iam/policy.h"

namespace ashlar::iam {

// A request that owns what it views.
class SampleRequest {
 public:
  // "[@CALLER] [ACTION] [RESOURCE] [KEY=VALUE...]"
  explicit SampleRequest(const std::string& words);
  PolicyRequest View() const;

 private:
  std::string action_ = "s3:ListBucket";
  std::string resource_ = "arn:aws:s3:::b";
  std::string account_id_;
  std::string arn_;
  std::string canonical_id_;
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::vector<ContextKey> context_;
};

struct PolicyCase {
  int line = 0;
  std::string policy;  // its line
  std::string request;
  std::string expected;  // "allow"
};

std::vector<PolicyCase> ReadPolicyCases();

// The text of "bucket: {...}" with what is not given filled in.
std::string PolicyText(const std::string& line);
// The policy of that line; the line must be sound.
std::shared_ptr<const Policy> SamplePolicy(const std::string& line);

std::string_view EffectName(Effect effect);

}  // namespace ashlar::iam

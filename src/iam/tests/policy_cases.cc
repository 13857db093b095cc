#include "iam/tests/policy_cases.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/check.h"

namespace ashlar::iam {
namespace {

using Json = nlohmann::ordered_json;

bool IsBucketLine(const std::string& line) { return line.find("bucket: ") < line.find('{'); }

Json Filled(Json statement, bool bucket) {
  const auto lacks = [&](const std::string& field) {
    return !statement.contains(field) && !statement.contains("Not" + field);
  };
  if (lacks("Effect")) statement["Effect"] = "Allow";
  if (lacks("Action")) statement["Action"] = bucket ? "s3:*" : "*";
  if (bucket && lacks("Principal")) statement["Principal"] = "*";
  if (lacks("Resource")) {
    statement["Resource"] =
        bucket ? Json::array({"arn:aws:s3:::b", "arn:aws:s3:::b/*"}) : Json("*");
  }
  return statement;
}

}  // namespace

SampleRequest::SampleRequest(const std::string& words) {
  std::istringstream stream(words);
  for (std::string word; stream >> word;) {
    if (word[0] == '@') {
      if (word == "@anon") continue;
      const bool second = word == "@root2" || word == "@carol";
      account_id_ = second ? "222222222222" : "111111111111";
      canonical_id_ = std::string(64, second ? 'c' : 'a');
      arn_ = "arn:aws:iam::" + account_id_ +
             (word.starts_with("@root") ? ":root" : ":user/" + word.substr(1));
    } else if (const size_t equals = word.find('='); equals != word.npos) {
      std::string value = word.substr(equals + 1);
      for (char& c : value) c = c == '~' ? ' ' : c;
      pairs_.emplace_back(word.substr(0, equals), std::move(value));
    } else if (word.starts_with("s3:") || word.starts_with("S3:") || word.starts_with("iam:")) {
      action_ = word;
    } else {
      resource_ = word.starts_with("arn:") || word == "*" ? word : "arn:aws:s3:::" + word;
    }
  }
  for (const auto& [name, value] : pairs_) context_.push_back({name, value});
}

PolicyRequest SampleRequest::View() const {
  return {.action = action_,
          .resource = resource_,
          .anonymous = account_id_.empty(),
          .account_id = account_id_,
          .arn = arn_,
          .canonical_id = canonical_id_,
          .context = context_};
}

std::vector<PolicyCase> ReadPolicyCases() {
  std::ifstream file(POLICY_CASES_FILE);
  CHECK(file.good());
  std::vector<PolicyCase> cases;
  std::string policy;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line[0] != ' ') {
      policy = line;
      continue;
    }
    const size_t arrow = line.rfind("-> ");
    CHECK(arrow != line.npos);
    cases.push_back({.line = number,
                     .policy = policy,
                     .request = line.substr(0, arrow),
                     .expected = line.substr(arrow + 3)});
  }
  return cases;
}

std::string PolicyText(const std::string& line) {
  const bool bucket = IsBucketLine(line);
  const Json given = Json::parse(line.substr(line.find(": ") + 2));
  Json statements = Json::array();
  if (given.is_array()) {
    for (const Json& statement : given) statements.push_back(Filled(statement, bucket));
  } else {
    statements = Filled(given, bucket);
  }
  Json policy;
  policy["Version"] = line.starts_with("old-") ? "2008-10-17" : "2012-10-17";
  policy["Statement"] = std::move(statements);
  return policy.dump();
}

std::shared_ptr<const Policy> SamplePolicy(const std::string& line) {
  const auto policy = Policy::Parse(
      PolicyText(line), IsBucketLine(line) ? PolicyKind::kBucket : PolicyKind::kIdentity, "b");
  if (!policy.ok()) CheckFailed(POLICY_CASES_FILE, 0, (line + policy.status().message()).c_str());
  return *policy;
}

std::string_view EffectName(Effect effect) {
  switch (effect) {
    case Effect::kAllow: return "allow";
    case Effect::kDeny: return "deny";
    case Effect::kNone: return "none";
  }
  return "";
}

}  // namespace ashlar::iam

// ashlar-policies: asks the policy engine what standard input asks, and answers on standard output.
//
// A line is fields separated by tabs; what is said of one policy is one line.
//   P <tab> identity | bucket <tab> JSON        a policy, of bucket "b"
//   R <tab> action <tab> resource <tab> account <tab> arn <tab> canonical id [<tab> key=value]...
//                                               a request of it; an empty account is anonymous
// Answer: "refused: MESSAGE", or "public" or "private" and a letter for each request (a: allow, d:
// deny, n: none), such as "public aadn".
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "iam/policy.h"

namespace {

using namespace ashlar::iam;  // NOLINT: a program of its own

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == line.npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

char Ask(const Policy& policy, const std::vector<std::string_view>& fields) {
  std::vector<ContextKey> context;
  for (size_t i = 6; i < fields.size(); ++i) {
    const size_t equals = fields[i].find('=');
    context.push_back({fields[i].substr(0, equals), fields[i].substr(equals + 1)});
  }
  const Effect effect = policy.Evaluate({.action = fields[1],
                                         .resource = fields[2],
                                         .anonymous = fields[3].empty(),
                                         .account_id = fields[3],
                                         .arn = fields[4],
                                         .canonical_id = fields[5],
                                         .context = context});
  return effect == Effect::kAllow ? 'a' : effect == Effect::kDeny ? 'd' : 'n';
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::shared_ptr<const Policy> policy;
  bool first = true;
  for (std::string line; std::getline(std::cin, line);) {
    const auto fields = Split(line);
    if (fields[0] == "P" && fields.size() == 3) {
      if (!first) std::cout << '\n';
      first = false;
      const auto kind = fields[1] == "bucket" ? PolicyKind::kBucket : PolicyKind::kIdentity;
      const auto parsed = Policy::Parse(fields[2], kind, "b");
      policy = parsed.ok() ? *parsed : nullptr;
      if (parsed.ok()) {
        std::cout << (policy->IsPublic() ? "public " : "private ");
      } else {
        std::cout << "refused: " << parsed.status().message();
      }
    } else if (fields[0] == "R" && fields.size() >= 6) {
      if (policy != nullptr) std::cout << Ask(*policy, fields);
    } else {
      std::cerr << "ashlar-policies: no such line: " << line << '\n';
      return 2;
    }
  }
  std::cout << std::endl;
  return 0;
}

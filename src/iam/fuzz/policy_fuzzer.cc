// Oracles: what is accepted answers every request, the same each time and in bounded time; with a
// Deny of everything it denies; without its Denies it never says less than before. A glob matches
// what a table of all its prefixes says.
//
// Input: a byte (odd: of a bucket), then texts separated by zero bytes: the policy, and of one
// request the resource, the action, the ARN of the caller, and values of some keys.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "iam/policy.h"

namespace {

using namespace ashlar::iam;  // NOLINT: a program of its own
using Json = nlohmann::json;

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

std::vector<std::string_view> Split(std::string_view data) {
  std::vector<std::string_view> texts;
  while (texts.size() < 16) {
    const size_t zero = data.find('\0');
    texts.push_back(data.substr(0, zero));
    if (zero == data.npos) break;
    data.remove_prefix(zero + 1);
  }
  return texts;
}

// The table: row i tells which beginnings of `text` the first i characters of `pattern` match.
bool SlowGlob(std::string_view pattern, std::string_view text) {
  std::vector<bool> row(text.size() + 1, false);
  row[0] = true;
  for (const char c : pattern) {
    std::vector<bool> next(text.size() + 1, false);
    for (size_t i = 0; i <= text.size(); ++i) {
      if (c == '*') {
        next[i] = row[i] || (i > 0 && next[i - 1]);
      } else {
        next[i] = i > 0 && row[i - 1] && (c == '?' || c == text[i - 1]);
      }
    }
    row = next;
  }
  return row[text.size()];
}

void GlobsAgree(std::string_view pattern, std::string_view text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (pattern.size() > 64 || text.size() > 256 || !std::ranges::all_of(pattern, is_ascii) ||
      !std::ranges::all_of(text, is_ascii)) {
    return;
  }
  Require(MatchesGlob(pattern, text) == SlowGlob(pattern, text));
}

Effect Ask(const Json& document, PolicyKind kind, const PolicyRequest& request) {
  const auto policy = Policy::Parse(document.dump(), kind, "b");
  Require(policy.ok());
  return (*policy)->Evaluate(request);
}

void DeniesNarrow(std::string_view text, PolicyKind kind, const PolicyRequest& request,
                  Effect effect) {
  // Written again a text may be longer: "\u0001", 1.0e-9.
  if (text.size() > kPolicyBytesMax / 8) return;
  Json document = Json::parse(text);
  Json& statements = document["Statement"];
  if (statements.is_object()) statements = Json::array({statements});
  Json denial = {{"Effect", "Deny"}, {"Action", "*"}, {"Resource", "*"}};
  if (kind == PolicyKind::kBucket) {
    denial["Principal"] = "*";
    denial["Resource"] = Json::array({"arn:aws:s3:::b*"});
  }
  Json allows = Json::array();
  for (const Json& statement : statements) {
    if (statement["Effect"] == "Allow") allows.push_back(statement);
  }
  if (!allows.empty()) {
    Json without = document;
    without["Statement"] = allows;
    const Effect before = Ask(without, kind, request);
    Require(before != Effect::kDeny);
    if (effect != Effect::kDeny) Require(before == effect);
  }
  if (request.resource.starts_with("arn:aws:s3:::b")) {
    statements.push_back(denial);
    Require(Ask(document, kind, request) == Effect::kDeny);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto kind = data[0] % 2 == 1 ? PolicyKind::kBucket : PolicyKind::kIdentity;
  auto texts = Split({reinterpret_cast<const char*>(data) + 1, size - 1});
  const std::string_view text = texts[0];
  texts.resize(16);
  GlobsAgree(text, texts[1]);

  const std::clock_t begin = std::clock();
  const auto policy = Policy::Parse(text, kind, "b");
  if (!policy.ok()) return 0;
  const ContextKey context[] = {{"s3:prefix", texts[4]},       {"aws:username", texts[5]},
                                {"aws:tagkeys", texts[6]},     {"aws:tagkeys", texts[7]},
                                {"aws:sourceip", texts[8]},    {"aws:currenttime", texts[9]},
                                {"aws:principalarn", texts[3]}};
  const PolicyRequest request{.action = texts[2],
                              .resource = texts[1],
                              .anonymous = texts[3].empty(),
                              .account_id = "111111111111",
                              .arn = texts[3],
                              .canonical_id = {},
                              .context = context};
  const Effect effect = (*policy)->Evaluate(request);
  (void)(*policy)->IsPublic();
  // Sanitizers and a busy machine are slow; backtracking would take hours.
  Require(std::clock() - begin < 2 * CLOCKS_PER_SEC);
  Require((*policy)->Evaluate(request) == effect);
  DeniesNarrow(text, kind, request, effect);
  return 0;
}

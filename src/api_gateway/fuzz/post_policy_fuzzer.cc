// Oracles: what a policy lets pass is named by it in some way, never after its end, and lengths lie
// between what CheckLength refuses on both sides.
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

#include "api_gateway/auth/post_policy.h"
#include "base/bytes.h"

namespace {

using namespace ashlar::api_gateway;  // NOLINT: a program of its own

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

constexpr int64_t kEndOfTime = 253402300800;  // the year 10000

void Judge(const PostPolicy& policy, std::string_view text) {
  Form form;
  form.fields = {{"key", "k"}, {"policy", ""}, {"x-ignore-a", ""}};
  const auto refused = policy.Check(form, "b", 1369353600);
  if (refused) Require(refused->code == S3Code::kAccessDenied);
  Require(policy.Check(form, "b", kEndOfTime).has_value());
  // A field that no document can name: the text is shorter.
  form.fields.push_back({std::string(text.size() + 1, 'x'), ""});
  Require(policy.Check(form, "b", 1369353600).has_value());
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{10}, uint64_t{1} << 40, UINT64_MAX}) {
    const auto error = policy.CheckLength(bytes);
    Require(!error || error->code == S3Code::kEntityTooLarge ||
            error->code == S3Code::kEntityTooSmall);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)PostPolicy::Parse(text);
  const auto policy = PostPolicy::Parse(ashlar::Base64Encode(ashlar::ByteSpan(data, size)));
  if (policy.ok()) {
    Judge(*policy, text);
  } else {
    Require(policy.error().code == S3Code::kInvalidPolicyDocument);
  }
  return 0;
}

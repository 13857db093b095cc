// What a policy costs a request: parsed already, hot in cache. The bar is 3 us.
#include <benchmark/benchmark.h>

#include <string>

#include "iam/policy.h"

namespace ashlar::iam {
namespace {

// Five statements, two conditions; the last but one allows.
constexpr std::string_view kTypicalPolicy = R"({"Version":"2012-10-17","Statement":[
  {"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*",
   "Resource":["arn:aws:s3:::photos","arn:aws:s3:::photos/*"],
   "Condition":{"Bool":{"aws:SecureTransport":"false"}}},
  {"Sid":"Office","Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/alice"},
   "Action":["s3:Put*","s3:Delete*"],"Resource":"arn:aws:s3:::photos/*",
   "Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]}}},
  {"Sid":"List","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:ListBucket",
   "Resource":"arn:aws:s3:::photos"},
  {"Sid":"Home","Effect":"Allow","Principal":{"AWS":"111111111111"},
   "Action":["s3:GetObject","s3:PutObject"],
   "Resource":"arn:aws:s3:::photos/home/${aws:username}/*"},
  {"Sid":"Audit","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:user/audit"},
   "Action":"s3:Get*","Resource":["arn:aws:s3:::photos","arn:aws:s3:::photos/*"]}]})";

constexpr ContextKey kContext[] = {
    {"aws:currenttime", "2026-01-01T00:00:00Z"},
    {"aws:epochtime", "1767225600"},
    {"aws:sourceip", "10.1.2.3"},
    {"aws:securetransport", "true"},
    {"aws:useragent", "aws-cli/2.15.0 Python/3.11.6 Linux/6.1 exe/x86_64.debian.12"},
    {"aws:requestedregion", "us-east-1"},
    {"aws:principaltype", "User"},
    {"aws:principalarn", "arn:aws:iam::111111111111:user/alice"},
    {"aws:principalaccount", "111111111111"},
    {"aws:userid", "AIDAEXAMPLE1234567890"},
    {"aws:username", "alice"},
    {"s3:authtype", "REST-HEADER"},
    {"s3:signatureversion", "AWS4-HMAC-SHA256"},
    {"s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD"},
};

void BM_EvaluatePolicy(benchmark::State& state) {
  const auto policy = Policy::Parse(kTypicalPolicy, PolicyKind::kBucket, "photos");
  const PolicyRequest request{
      .action = "s3:GetObject",
      .resource = "arn:aws:s3:::photos/home/alice/2026/01/01/holiday-in-the-mountains-0001.jpg",
      .anonymous = false,
      .account_id = "111111111111",
      .arn = "arn:aws:iam::111111111111:user/alice",
      .canonical_id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      .context = kContext};
  if (!policy.ok() || (*policy)->Evaluate(request) != Effect::kAllow) {
    state.SkipWithError("the policy does not allow what it should");
  }
  for (auto _ : state) benchmark::DoNotOptimize((*policy)->Evaluate(request));
}
BENCHMARK(BM_EvaluatePolicy);

void BM_ParsePolicy(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(Policy::Parse(kTypicalPolicy, PolicyKind::kBucket, "photos"));
  }
}
BENCHMARK(BM_ParsePolicy);

}  // namespace
}  // namespace ashlar::iam

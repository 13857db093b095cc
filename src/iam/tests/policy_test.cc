#include "iam/policy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <new>

#include "iam/tests/policy_cases.h"

namespace {
size_t allocations = 0;  // of this program so far
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }

namespace ashlar::iam {
namespace {

TEST(PolicyTest, HandCases) {
  const auto cases = ReadPolicyCases();
  EXPECT_GE(cases.size(), 450U);
  std::map<std::string, std::shared_ptr<const Policy>> policies;
  for (const PolicyCase& each : cases) {
    auto& policy = policies[each.policy];
    if (policy == nullptr) policy = SamplePolicy(each.policy);
    const SampleRequest request(each.request);
    EXPECT_EQ(EffectName(policy->Evaluate(request.View())), each.expected)
        << "line " << each.line << ": " << each.policy << "\n"
        << each.request;
  }
}

TEST(PolicyTest, TheOrderOfStatementsAndOfContextDoesNotMatter) {
  const auto first = SamplePolicy(R"(bucket: [{},{"Effect":"Deny","Action":"s3:GetObject"}])");
  const auto last = SamplePolicy(R"(bucket: [{"Effect":"Deny","Action":"s3:GetObject"},{}])");
  const SampleRequest request("s3:GetObject b/k");
  EXPECT_EQ(first->Evaluate(request.View()), Effect::kDeny);
  EXPECT_EQ(last->Evaluate(request.View()), Effect::kDeny);
  const auto policy = SamplePolicy(
      R"(bucket: {"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}})");
  for (const char* words : {"aws:tagkeys=c aws:tagkeys=a", "aws:tagkeys=a aws:tagkeys=c"}) {
    EXPECT_EQ(policy->Evaluate(SampleRequest(words).View()), Effect::kNone);
  }
}

TEST(PolicyTest, ALongActionIsJustAnAction) {
  const auto policy = SamplePolicy(R"(identity: {"Action":"s3:X*"})");
  EXPECT_EQ(policy->Evaluate(SampleRequest("s3:x" + std::string(500, 'Y')).View()), Effect::kAllow);
  EXPECT_EQ(policy->Evaluate(SampleRequest("s3:y" + std::string(500, 'Y')).View()), Effect::kNone);
}

// The promise that makes it fit for every request.
TEST(PolicyTest, EvaluateAllocatesNothing) {
  const auto policy = SamplePolicy(
      R"(bucket: [{"Action":"s3:Get*","Resource":"arn:aws:s3:::b/home/${aws:username}/*",)"
      R"("Condition":{"StringLike":{"aws:UserAgent":"*aws-cli*"},)"
      R"("IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]},)"
      R"("DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"},)"
      R"("NumericLessThan":{"s3:max-keys":"1000"},"Bool":{"aws:SecureTransport":"true"},)"
      R"("ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/*"}}},)"
      R"({"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/alice"}}])");
  const SampleRequest request(
      "@alice s3:GetObject b/home/alice/k aws:username=alice aws:useragent=x~aws-cli/2 "
      "aws:sourceip=10.1.1.1 aws:currenttime=2026-01-01T00:00:00Z s3:max-keys=10 "
      "aws:securetransport=true aws:principalarn=arn:aws:iam::111111111111:user/alice");
  const PolicyRequest view = request.View();
  const size_t before = allocations;
  const Effect effect = policy->Evaluate(view);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(effect, Effect::kAllow);
}

TEST(PolicyTest, Globs) {
  EXPECT_TRUE(MatchesGlob("", ""));
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("***", "abc"));
  EXPECT_FALSE(MatchesGlob("", "a"));
  EXPECT_FALSE(MatchesGlob("*a*", std::string_view()));
  EXPECT_FALSE(MatchesGlob("?", ""));
  EXPECT_TRUE(MatchesGlob("?", "\xc3\xa9"));
  EXPECT_FALSE(MatchesGlob("??", "\xc3\xa9"));
  EXPECT_TRUE(MatchesGlob("a*b*c*", "axxbyyczz"));
  EXPECT_FALSE(MatchesGlob("a*b*c", "axxbyyczz"));
  EXPECT_FALSE(MatchesGlob("ab*ba", "aba"));
  EXPECT_TRUE(MatchesGlob("ab*ba", "abba"));
  EXPECT_TRUE(MatchesGlob("*aab", "aaaab"));
  EXPECT_TRUE(MatchesGlob("*a?b*", "aaab"));
  EXPECT_FALSE(MatchesGlob("A", "a"));
  EXPECT_TRUE(MatchesGlob(std::string(40, '?') + "*x", std::string(40, 'y') + "abcx"));
}

TEST(PolicyTest, GlobsDoNotBacktrack) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  const std::string text(20000, 'a');
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(MatchesGlob(pattern, text));
  EXPECT_FALSE(MatchesGlob(pattern + "b", text));
  EXPECT_FALSE(MatchesGlob("*" + std::string(8000, 'a') + "b*", text));
  EXPECT_FALSE(MatchesGlob("*?" + std::string(8000, 'a') + "b*", text));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

struct PublicCase {
  const char* policy;
  bool is_public;
};

// The list in AWS's "The meaning of public".
TEST(PolicyTest, WhatIsPublic) {
  const PublicCase cases[] = {
      {R"(bucket: {})", true},
      {R"(bucket: {"Principal":{"AWS":"*"}})", true},
      {R"(bucket: {"Principal":{"AWS":["111111111111","*"]}})", true},
      {R"(bucket: {"Effect":"Deny"})", false},
      {R"(bucket: {"Principal":{"AWS":"111111111111"}})", false},
      {R"(bucket: {"Principal":{"Service":"cloudfront.amazonaws.com"}})", false},
      {R"(bucket: [{"Principal":{"AWS":"111111111111"}},{}])", true},
      {R"(bucket: [{},{"Effect":"Deny"}])", true},
      {R"(bucket: {"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/32"}}})", false},
      {R"(bucket: {"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}})", false},
      {R"(bucket: {"Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}})", true},
      {R"(bucket: {"Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}}})", true},
      {R"(bucket: {"Condition":{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}})", false},
      {R"(bucket: {"Condition":{"IpAddress":{"aws:SourceIp":"2000::/3"}}})", true},
      {R"(bucket: {"Condition":{"IpAddress":{"aws:SourceIp":"2001::/31"}}})", true},
      {R"(bucket: {"Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}})", true},
      {R"(bucket: {"Condition":{"IpAddressIfExists":{"aws:SourceIp":"10.0.0.0/8"}}})", true},
      {R"(bucket: {"Condition":{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}})", false},
      {R"(bucket: {"Condition":{"StringLike":{"aws:SourceVpc":"vpc-*"}}})", true},
      {R"(bucket: {"Condition":{"StringEquals":{"aws:SourceVpc":["vpc-1","vpc-2"]}}})", false},
      {R"(bucket: {"Condition":{"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}}})", true},
      {R"(bucket: {"Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}})", true},
      {R"(bucket: {"Condition":{"StringEquals":{"s3:prefix":"a"}}})", true},
      {R"(bucket: {"Condition":{"StringEquals":{"aws:Referer":"http://x/"}}})", true},
      {R"(bucket: {"Condition":{"Bool":{"aws:SecureTransport":"true"}}})", true},
      {R"(bucket: {"Condition":{"StringEquals":{"aws:userid":"AIDAEXAMPLE"}}})", false},
      {R"(bucket: {"Condition":{"StringLike":{"aws:userid":"AROAEXAMPLE:*"}}})", true},
      {R"(bucket: {"Condition":{"StringEquals":{"aws:userid":"${aws:username}"}}})", true},
      {R"(bucket: {"Condition":{"ArnEquals":{"aws:PrincipalArn":)"
       R"("arn:aws:iam::111111111111:root"}}})",
       false},
      {R"(bucket: {"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:*"}}})", true},
      {R"(bucket: {"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"},)"
       R"("StringLike":{"s3:prefix":"*"}}})",
       false},
  };
  for (const PublicCase& each : cases) {
    EXPECT_EQ(SamplePolicy(each.policy)->IsPublic(), each.is_public) << each.policy;
  }
}

}  // namespace
}  // namespace ashlar::iam

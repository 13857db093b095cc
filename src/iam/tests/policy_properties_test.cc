// Properties of any policy: what adding and removing statements may change.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "iam/tests/policy_cases.h"

namespace ashlar::iam {
namespace {

using Statements = std::vector<std::string>;

rc::Gen<std::string> OneOf(std::vector<std::string> texts) {
  return rc::gen::elementOf(std::move(texts));
}

// A few names, so that statements and requests meet.
std::string AnyStatement(const std::string& effect) {
  static const std::vector<std::string> kPrincipals = {
      R"("Principal":"*")", R"("Principal":{"AWS":"111111111111"})",
      R"("Principal":{"AWS":"arn:aws:iam::111111111111:user/alice"})"};
  static const std::vector<std::string> kActions = {R"("Action":"s3:*")", R"("Action":"s3:Get*")",
                                                    R"("NotAction":"s3:GetObject")"};
  static const std::vector<std::string> kResources = {
      R"("Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"])", R"("NotResource":"arn:aws:s3:::b/x*")",
      R"("Resource":["arn:aws:s3:::b","arn:aws:s3:::b/${aws:username}"])"};
  static const std::vector<std::string> kConditions = {
      R"({})",
      R"({"StringLike":{"s3:prefix":"x*"}})",
      R"({"StringNotEquals":{"s3:prefix":"x"}})",
      R"({"StringNotEquals":{"s3:prefix":"${aws:username}"}})",
      R"({"ForAllValues:StringEquals":{"aws:TagKeys":"x"}})",
      R"({"IpAddressIfExists":{"aws:SourceIp":"10.0.0.0/8"}})"};
  auto principals = kPrincipals;
  if (effect == "Deny") principals.emplace_back(R"("NotPrincipal":{"AWS":"111111111111"})");
  return R"({"Effect":")" + effect + R"(",)" + *OneOf(principals) + "," + *OneOf(kActions) + "," +
         *OneOf(kResources) + R"(,"Condition":)" + *OneOf(kConditions) + "}";
}

Statements AnyStatements(size_t count_max) {
  Statements statements;
  const auto count = *rc::gen::inRange<size_t>(1, count_max + 1);
  for (size_t i = 0; i < count; ++i) {
    statements.push_back(AnyStatement(*OneOf({"Allow", "Allow", "Deny"})));
  }
  return statements;
}

std::string AnyWords() {
  std::string words = *OneOf({"@anon", "@root", "@alice", "@bob", "@carol"});
  words += " " + *OneOf({"s3:GetObject b/x", "s3:GetObject b/alice", "s3:PutObject b/xy",
                         "s3:ListBucket b", "s3:GetBucketAcl b"});
  for (const char* pair : {" s3:prefix=x", " aws:username=alice", " aws:username=*",
                           " aws:tagkeys=x", " aws:tagkeys=y", " aws:sourceip=10.0.0.1"}) {
    if (*rc::gen::inRange(0, 2) == 1) words += pair;
  }
  return words;
}

Effect Ask(const Statements& statements, const std::string& words) {
  std::string line = "bucket: [";
  for (const std::string& statement : statements) line += statement + ",";
  line.back() = ']';
  return SamplePolicy(line)->Evaluate(SampleRequest(words).View());
}

TEST(PolicyPropertiesTest, AddingADenyNeverWidens) {
  EXPECT_TRUE(rc::check([] {
    Statements statements = AnyStatements(4);
    const std::string words = AnyWords();
    const Effect before = Ask(statements, words);
    const auto at = *rc::gen::inRange<size_t>(0, statements.size() + 1);
    statements.insert(statements.begin() + static_cast<ptrdiff_t>(at), AnyStatement("Deny"));
    const Effect after = Ask(statements, words);
    RC_ASSERT(after == before || after == Effect::kDeny);
  }));
}

TEST(PolicyPropertiesTest, RemovingAnAllowNeverWidens) {
  EXPECT_TRUE(rc::check([] {
    Statements statements = AnyStatements(4);
    const std::string words = AnyWords();
    const Effect without = Ask(statements, words);
    statements.push_back(AnyStatement("Allow"));
    const Effect with = Ask(statements, words);
    // The Allow can only have turned nothing into an Allow.
    RC_ASSERT(with == without || (without == Effect::kNone && with == Effect::kAllow));
  }));
}

TEST(PolicyPropertiesTest, TheOrderOfStatementsDoesNotMatter) {
  EXPECT_TRUE(rc::check([] {
    Statements statements = AnyStatements(5);
    const std::string words = AnyWords();
    const Effect effect = Ask(statements, words);
    std::reverse(statements.begin(), statements.end());
    RC_ASSERT(Ask(statements, words) == effect);
  }));
}

// What is granted to everyone is granted to an anonymous caller and to one with a name.
TEST(PolicyPropertiesTest, AnonymousCallersGetNoMoreThanOthersFromAnAllow) {
  EXPECT_TRUE(rc::check([] {
    Statements statements;
    const auto count = *rc::gen::inRange(1, 5);
    for (int i = 0; i < count; ++i) statements.push_back(AnyStatement("Allow"));
    const std::string words = AnyWords();
    const std::string rest = words.substr(words.find(' '));
    if (Ask(statements, "@anon" + rest) == Effect::kAllow) {
      for (const char* who : {"@root", "@alice", "@carol"}) {
        RC_ASSERT(Ask(statements, who + rest) == Effect::kAllow);
      }
    }
  }));
}

// A variable is as good as its value, when that has nothing special in it.
TEST(PolicyPropertiesTest, AVariableIsItsValue) {
  EXPECT_TRUE(rc::check([] {
    const auto name = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab/*?$")));
    std::string literal;
    for (const char c : name) {
      literal += c == '*' || c == '?' || c == '$' ? std::string("${") + c + "}" : std::string(1, c);
    }
    const auto prefix = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab/*?$")));
    const std::string words = "aws:username=" + name + " s3:prefix=" + prefix;
    const auto ask = [&](const std::string& value) {
      const std::string line =
          R"(identity: {"Condition":{"StringLike":{"s3:prefix":"a*)" + value + R"(?b*"}}})";
      return SamplePolicy(line)->Evaluate(SampleRequest(words).View());
    };
    RC_ASSERT(ask("${aws:username}") == ask(literal));
  }));
}

}  // namespace
}  // namespace ashlar::iam

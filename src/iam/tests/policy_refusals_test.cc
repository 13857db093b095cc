#include <gtest/gtest.h>

#include "iam/policy.h"

namespace ashlar::iam {
namespace {

std::string Refusal(PolicyKind kind, std::string_view text) {
  const auto policy = Policy::Parse(text, kind, "b");
  if (policy.ok()) return "accepted";
  EXPECT_EQ(policy.code(), Code::kInvalidArgument);
  return policy.status().message();
}

struct Refused {
  const char* fields;  // of the one statement
  const char* message;
};

// A sound bucket policy is R"("Effect":"Allow","Principal":"*","Action":"s3:*",)" and a resource.
std::string Bucket(std::string_view fields) {
  return R"({"Version":"2012-10-17","Statement":[{)" + std::string(fields) + "}]}";
}

constexpr const char* kInvalidSyntax = "Invalid policy syntax.";
constexpr const char* kInvalidPrincipal = "Invalid principal in policy";
constexpr const char* kInvalidAction = "Policy has invalid action";
constexpr const char* kInvalidResource = "Policy has invalid resource";
constexpr const char* kNotApplicable = "Action does not apply to any resource(s) in statement";
constexpr const char* kInvalidKey = "Policy has an invalid condition key";

TEST(PolicyRefusalsTest, TheDocument) {
  constexpr const char* kFirstByte = "Policies must be valid JSON and the first byte must be '{'";
  constexpr const char* kInvalidJson = "This policy contains invalid Json";
  const std::string sound = R"("Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*",)"
                            R"("Resource":"arn:aws:s3:::b"})";
  const std::pair<std::string, const char*> cases[] = {
      {"{" + sound + "}", "accepted"},
      {R"({"Version":"2008-10-17","Id":"x",)" + sound + "}", "accepted"},
      {"", kFirstByte},
      {"test", kFirstByte},
      {" {" + sound + "}", kFirstByte},
      {"[{" + sound + "}]", kFirstByte},
      {"{", kInvalidJson},
      {"{" + sound, kInvalidJson},
      {"{" + sound + "} x", kInvalidJson},
      {"{" + sound + "}" + std::string(1, '\0') + "x", kInvalidJson},
      {"{" + sound + ",}", kInvalidJson},
      {"{" + sound + "," + sound + "}", kInvalidJson},
      {R"({"Id":")" + std::string("\xff") + R"(",)" + sound + "}", kInvalidJson},
      {R"({"Id":1e999,)" + sound + "}", kInvalidJson},
      {"{}", "Missing required field Statement"},
      {R"({"Version":"2012-10-17"})", "Missing required field Statement"},
      {R"({"Version":"2012-10-18",)" + sound + "}",
       "The policy must contain a valid version string"},
      {R"({"Version":20121017,)" + sound + "}", "The policy must contain a valid version string"},
      {R"({"Version":null,)" + sound + "}", "The policy must contain a valid version string"},
      {R"({"Id":7,)" + sound + "}", kInvalidSyntax},
      {R"({"version":"2012-10-17",)" + sound + "}", "Unknown field version"},
      {R"({"Statements":[],)" + sound + "}", "Unknown field Statements"},
      {R"({"Statement":[]})", "Could not parse the policy: Statement is empty!"},
      {R"({"Statement":"x"})", kInvalidSyntax},
      {R"({"Statement":[1]})", kInvalidSyntax},
      {R"({"Statement":null})", kInvalidSyntax},
      {R"({"Statement":)" + std::string(5000, '['), kInvalidSyntax},
      {"{" + sound + std::string(kPolicyBytesMax, ' ') + "}",
       "Normalized policy document exceeds the maximum allowed size of 20480 bytes"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_EQ(Refusal(PolicyKind::kBucket, text), message) << text.substr(0, 200);
  }
}

TEST(PolicyRefusalsTest, StatementsOfBuckets) {
  const Refused cases[] = {
      {R"("Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b")",
       "accepted"},
      {R"("Sid":"","Effect":"Deny","Principal":"*","Action":"*","Resource":"arn:aws:s3:::b")",
       "accepted"},
      {R"("Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b")",
       "Missing required field Effect"},
      {R"("Effect":"allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b")",
       "Invalid effect: allow"},
      {R"("Effect":["Allow"],"Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b")",
       kInvalidSyntax},
      {R"("Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b")",
       "Missing required field Principal"},
      {R"("Effect":"Allow","Principal":"*","Resource":"arn:aws:s3:::b")",
       "Missing required field Action"},
      {R"("Effect":"Allow","Principal":"*","Action":"s3:*")", "Missing required field Resource"},
      {R"("Effect":"Allow","Principal":"*","Action":[],"Resource":"arn:aws:s3:::b")",
       "Missing required field Action cannot be empty!"},
      {R"("Effect":"Allow","Principal":"*","Action":"s3:*","Resource":[])",
       "Missing required field Resource cannot be empty!"},
      {R"("Sid":7,"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b")",
       kInvalidSyntax},
      {R"("Effect":"Allow","Principle":"*","Action":"s3:*","Resource":"arn:aws:s3:::b")",
       "Unknown field Principle"},
      {R"("Effect":"Allow","Principal":"*","NotPrincipal":"*",)"
       R"("Action":"s3:*","Resource":"arn:aws:s3:::b")",
       kInvalidSyntax},
      {R"("Effect":"Allow","NotPrincipal":{"AWS":"111111111111"},)"
       R"("Action":"s3:*","Resource":"arn:aws:s3:::b")",
       "Allow with NotPrincipal is not allowed."},
      {R"("Effect":"Allow","Principal":"*",)"
       R"("Action":"s3:*","NotAction":"s3:*","Resource":"arn:aws:s3:::b")",
       kInvalidSyntax},
      {R"("Effect":"Allow","Principal":"*",)"
       R"("Action":"s3:*","Resource":"arn:aws:s3:::b","NotResource":"x")",
       kInvalidSyntax},
      {R"("Effect":"Allow","Principal":"*",)"
       R"("Action":"s3:*","Resource":"arn:aws:s3:::b","Condition":[])",
       kInvalidSyntax},
      {R"("Effect":"Allow","Principal":"*","Action":{"a":1},"Resource":"arn:aws:s3:::b")",
       kInvalidSyntax},
      {R"("Effect":"Allow","Principal":"*",)"
       R"("Action":["s3:GetObject",1],"Resource":"arn:aws:s3:::b/*")",
       kInvalidSyntax},
  };
  for (const Refused& each : cases) {
    EXPECT_EQ(Refusal(PolicyKind::kBucket, Bucket(each.fields)), each.message) << each.fields;
  }
  EXPECT_EQ(Refusal(PolicyKind::kBucket,
                    R"({"Statement":[{"Sid":"a","Effect":"Allow","Principal":"*","Action":"s3:*",)"
                    R"("Resource":"arn:aws:s3:::b"},{"Sid":"a","Effect":"Allow","Principal":"*",)"
                    R"("Action":"s3:*","Resource":"arn:aws:s3:::b"}]})"),
            "Statement IDs (SID) in a single policy must be unique.");
}

TEST(PolicyRefusalsTest, Principals) {
  const Refused cases[] = {
      {R"({"AWS":"*"})", "accepted"},
      {R"({"AWS":"111111111111"})", "accepted"},
      {R"({"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::111111111111:user/a/b"]})",
       "accepted"},
      {R"({"AWS":"arn:aws:sts::111111111111:assumed-role/r/s"})", "accepted"},
      {R"({"Service":"x.amazonaws.com","Federated":"y"})", "accepted"},
      {R"("111111111111")", kInvalidPrincipal},
      {R"("")", kInvalidPrincipal},
      {R"(["*"])", kInvalidPrincipal},
      {R"({})", kInvalidPrincipal},
      {R"({"AWS":[]})", kInvalidPrincipal},
      {R"({"AWS":[1]})", kInvalidPrincipal},
      {R"({"AWS":""})", kInvalidPrincipal},
      {R"({"AWS":"11111111111"})", kInvalidPrincipal},
      {R"({"AWS":"11111111111a"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:iam::111111111111:user/*"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:iam::111111111111:user/"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:iam::111111111111:group/g"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:iam::*:root"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:iam::1111:root"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:sts::111111111111:root"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:iam::"})", kInvalidPrincipal},
      {R"({"AWS":"arn:aws:iam::111111111111"})", kInvalidPrincipal},
      {R"({"CanonicalUser":"abc"})", kInvalidPrincipal},
      {R"({"CanonicalUser":"*"})", kInvalidPrincipal},
      {R"({"Service":"*"})", kInvalidPrincipal},
      {R"({"Service":""})", kInvalidPrincipal},
      {R"({"aws":"*"})", kInvalidPrincipal},
      {R"({"AWS":"*","Other":"*"})", kInvalidPrincipal},
  };
  for (const Refused& each : cases) {
    EXPECT_EQ(Refusal(PolicyKind::kBucket,
                      Bucket(R"("Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b",)"
                             R"("Principal":)" +
                             std::string(each.fields))),
              each.message)
        << each.fields;
  }
}

TEST(PolicyRefusalsTest, ActionsAndResourcesOfBuckets) {
  struct Targets {
    const char* action;
    const char* resource;
    const char* message;
  };
  const Targets cases[] = {
      {R"("s3:GetObject")", R"("arn:aws:s3:::b/*")", "accepted"},
      {R"("s3:GetObject")", R"("arn:aws:s3:::b*")", "accepted"},
      {R"("s3:GetObject")", R"("arn:aws:s3:::b/x${aws:username}")", "accepted"},
      {R"("s3:GetObject")", R"("arn:aws:s3:::${aws:username}/x")", "accepted"},
      {R"("*")", R"("arn:aws:s3:::b")", "accepted"},
      {R"(["s3:GetObject","s3:ListBucket"])", R"(["arn:aws:s3:::b","arn:aws:s3:::b/*"])",
       "accepted"},
      {R"("s3:Get*")", R"("arn:aws:s3:::b")", "accepted"},
      {R"("s3:GetObject")", R"("arn:aws:s3:::b")", kNotApplicable},
      {R"("s3:ListBucket")", R"("arn:aws:s3:::b/*")", kNotApplicable},
      {R"(["s3:GetObject","s3:ListBucket"])", R"("arn:aws:s3:::b/*")", kNotApplicable},
      {R"("s3:*Object")", R"("arn:aws:s3:::b")", kNotApplicable},
      {R"("s3:ListAllMyBuckets")", R"("arn:aws:s3:::b")", kNotApplicable},
      {R"("s3:NoSuchThing")", R"("arn:aws:s3:::b")", kInvalidAction},
      {R"("s3:")", R"("arn:aws:s3:::b")", kInvalidAction},
      {R"("GetObject")", R"("arn:aws:s3:::b/*")", kInvalidAction},
      {R"("iam:CreateUser")", R"("arn:aws:s3:::b")", kInvalidAction},
      {R"("*:GetObject")", R"("arn:aws:s3:::b/*")", kInvalidAction},
      {R"("")", R"("arn:aws:s3:::b/*")", kInvalidAction},
      {R"("s3:*")", R"("*")", kInvalidResource},
      {R"("s3:*")", R"("")", kInvalidResource},
      {R"("s3:*")", R"("b")", kInvalidResource},
      {R"("s3:*")", R"("arn:aws:s3:::other")", kInvalidResource},
      {R"("s3:*")", R"("arn:aws:s3:::other/*")", kInvalidResource},
      {R"("s3:*")", R"("arn:aws:s3:::bb/*")", kInvalidResource},
      {R"("s3:*")", R"("arn:aws:s3:::?b")", kInvalidResource},
      {R"("s3:*")", R"("arn:aws:s3::*:b")", kInvalidResource},
      {R"("s3:*")", R"("arn:aws:s3:::")", kInvalidResource},
      {R"("s3:*")", R"("arn:aws:iam::111111111111:user/x")", kInvalidResource},
      {R"("s3:*")", R"(["arn:aws:s3:::b","arn:aws:s3:::c"])", kInvalidResource},
  };
  for (const Targets& each : cases) {
    EXPECT_EQ(Refusal(PolicyKind::kBucket,
                      Bucket(R"("Effect":"Allow","Principal":"*","Action":)" +
                             std::string(each.action) + R"(,"Resource":)" + each.resource)),
              each.message)
        << each.action << " " << each.resource;
  }
}

TEST(PolicyRefusalsTest, Conditions) {
  const std::string value = "Policy has an invalid condition value: ";
  const std::pair<const char*, std::string> cases[] = {
      {R"({})", "accepted"},
      {R"({"StringEquals":{"S3:PREFIX":["a","b"]}})", "accepted"},
      {R"({"ForAnyValue:StringNotLikeIfExists":{"aws:TagKeys":"a"}})", "accepted"},
      {R"({"StringEquals":{"aws:PrincipalTag/x":"a","s3:ExistingObjectTag/y":true}})", "accepted"},
      {R"({"NumericEquals":{"s3:max-keys":1.5}})", "accepted"},
      {R"({"ArnLike":{"aws:SourceArn":"${aws:PrincipalArn}"}})", "accepted"},
      {R"({"StringEqual":{"s3:prefix":"a"}})", "Invalid Condition type : StringEqual"},
      {R"({"stringEquals":{"s3:prefix":"a"}})", "Invalid Condition type : stringEquals"},
      {R"({"NullIfExists":{"s3:prefix":"true"}})", "Invalid Condition type : NullIfExists"},
      {R"({"ForAnyValue:Null":{"s3:prefix":"true"}})", "Invalid Condition type : ForAnyValue:Null"},
      {R"({"ForSomeValues:StringEquals":{"s3:prefix":"a"}})",
       "Invalid Condition type : ForSomeValues:StringEquals"},
      {R"({"StringEquals":{"s3:prefiks":"a"}})", kInvalidKey},
      {R"({"StringEquals":{"prefix":"a"}})", kInvalidKey},
      {R"({"StringEquals":{"aws:NoSuchKey":"a"}})", kInvalidKey},
      {R"({"StringEquals":{"s3:ExistingObjectTag/":"a"}})", kInvalidKey},
      {R"({"StringEquals":{"":"a"}})", kInvalidKey},
      {R"({"StringEquals":"a"})", kInvalidSyntax},
      {R"({"StringEquals":{}})", kInvalidSyntax},
      {R"({"StringEquals":{"s3:prefix":[]}})", kInvalidSyntax},
      {R"({"StringEquals":{"s3:prefix":{}}})", kInvalidSyntax},
      {R"({"StringEquals":{"s3:prefix":null}})", kInvalidSyntax},
      {R"({"StringEquals":{"s3:prefix":[["a"]]}})", kInvalidSyntax},
      {R"({"NumericEquals":{"s3:max-keys":"ten"}})", value + "ten"},
      {R"({"NumericEquals":{"s3:max-keys":"${aws:username}"}})", value + "${aws:username}"},
      {R"({"NumericEquals":{"s3:max-keys":true}})", value + "true"},
      {R"({"DateLessThan":{"aws:CurrentTime":"tomorrow"}})", value + "tomorrow"},
      {R"({"DateLessThan":{"aws:CurrentTime":"2020-13-01"}})", value + "2020-13-01"},
      {R"({"Bool":{"aws:SecureTransport":"yes"}})", value + "yes"},
      {R"({"Bool":{"aws:SecureTransport":1}})", value + "1"},
      {R"({"Null":{"s3:prefix":""}})", value},
      {R"({"BinaryEquals":{"s3:prefix":"a"}})", value + "a"},
      {R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}})", value + "10.0.0.0/33"},
      {R"({"IpAddress":{"aws:SourceIp":"10.0.0.*"}})", value + "10.0.0.*"},
      {R"({"IpAddress":{"aws:SourceIp":["10.0.0.1","x"]}})", value + "x"},
      {R"({"ArnLike":{"aws:SourceArn":"abc"}})", value + "abc"},
      {R"({"ArnLike":{"aws:SourceArn":"arn:aws:s3"}})", value + "arn:aws:s3"},
      {R"({"StringEquals":{"s3:prefix":"${aws:username"}})",
       "Policy has an invalid variable: ${aws:username"},
      {R"({"StringEquals":{"s3:prefix":"${nobody}"}})", "Policy has an invalid variable: nobody"},
      {R"({"StringEquals":{"s3:prefix":"${}"}})", "Policy has an invalid variable: "},
      {R"({"StringEquals":{"s3:prefix":"${aws:username, x}"}})",
       "Policy has an invalid variable: aws:username, x"},
      {R"({"StringEquals":{"s3:prefix":"${aws:username, 'a'b'}"}})",
       "Policy has an invalid variable: aws:username, 'a'b'"},
  };
  for (const auto& [condition, message] : cases) {
    EXPECT_EQ(
        Refusal(PolicyKind::kBucket, Bucket(R"("Effect":"Deny","Principal":"*","Action":"s3:*",)"
                                            R"("Resource":"arn:aws:s3:::b","Condition":)" +
                                            std::string(condition))),
        message)
        << condition;
  }
}

TEST(PolicyRefusalsTest, Identities) {
  const Refused cases[] = {
      {R"("Effect":"Allow","Action":"*","Resource":"*")", "accepted"},
      {R"("Effect":"Allow","Action":["s3:NoSuchThing","iam:*"],"Resource":"arn:aws:iam::1:x")",
       "accepted"},
      {R"("Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::any")", "accepted"},
      {R"("Effect":"Allow","Principal":"*","Action":"*","Resource":"*")",
       "Policy document should not specify a principal."},
      {R"("Effect":"Deny","NotPrincipal":"*","Action":"*","Resource":"*")",
       "Policy document should not specify a principal."},
      {R"("Effect":"Allow","Action":"ec2:RunInstances","Resource":"*")", "Vendor ec2 is not valid"},
      {R"("Effect":"Allow","Action":"*:GetObject","Resource":"*")", "Vendor * is not valid"},
      {R"("Effect":"Allow","Action":"GetObject","Resource":"*")",
       "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
      {R"("Effect":"Allow","Action":"s3:Get:Object","Resource":"*")",
       "Actions/Condition can contain only one colon."},
      {R"("Effect":"Allow","Action":"s3:","Resource":"*")", kInvalidAction},
      {R"("Effect":"Allow","Action":"s3:Get Object","Resource":"*")", kInvalidAction},
      {R"("Effect":"Allow","Action":"*","Resource":"bucket")",
       "Resource bucket must be in ARN format or \"*\"."},
      {R"("Effect":"Allow","Action":"*","Resource":"arn:aws:s3")",
       "Resource arn:aws:s3 must be in ARN format or \"*\"."},
      {R"("Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:nobody}")",
       "Policy has an invalid variable: aws:nobody"},
      {R"("Effect":"Allow","Action":"*")", "Missing required field Resource"},
  };
  for (const Refused& each : cases) {
    EXPECT_EQ(Refusal(PolicyKind::kIdentity, Bucket(each.fields)), each.message) << each.fields;
  }
  std::string wild;
  for (int i = 0; i < 200; ++i) wild += "*a";
  EXPECT_EQ(
      Refusal(PolicyKind::kIdentity,
              Bucket(R"("Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::)" + wild + "\"")),
      "Policy has a pattern with too many wildcards");
}

// The gateway cannot say these of a request: a Deny that asks for one would never apply.
TEST(PolicyRefusalsTest, KeysThatNobodyFillsIn) {
  for (const char* key :
       {"s3:object-lock-remaining-retention-days", "s3:BucketTag/team", "aws:ResourceTag/team"}) {
    const std::string text =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*",)"
        R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*",)"
        R"("Condition":{"StringEquals":{")" +
        std::string(key) + R"(":"x"}}}})";
    const auto policy = Policy::Parse(text, PolicyKind::kBucket, "b");
    ASSERT_FALSE(policy.ok()) << key;
    EXPECT_EQ(policy.status().message(), kInvalidKey);
  }
}

}  // namespace
}  // namespace ashlar::iam

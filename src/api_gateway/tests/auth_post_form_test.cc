// Policies of POST uploads, their signature, and the key of the form.
#include <gtest/gtest.h>

#include "api_gateway/auth/post_form.h"
#include "api_gateway/tests/test_signer.h"

namespace ashlar::api_gateway {
namespace {

using testing::Keys;

constexpr int64_t kNow = 1369353600;  // 2013-05-24T00:00:00Z
constexpr std::string_view kExpires = R"("expiration": "2013-05-24T00:01:00.000Z", )";

std::string PolicyText(std::string_view conditions) {
  return "{" + std::string(kExpires) + "\"conditions\": [" + std::string(conditions) + "]}";
}
std::string Told(const S3Error& error) {
  return std::string(S3CodeName(error.code)) + ": " + error.message;
}
// What a policy says about a form in the bucket "b"; "ok" when nothing.
std::string Judge(std::string_view text, const Form& form, int64_t now = kNow) {
  const auto policy = PostPolicy::Parse(Base64Encode(AsBytes(text)));
  if (!policy.ok()) return Told(policy.error());
  const auto error = policy->Check(form, "b", now);
  return error ? Told(*error) : "ok";
}
std::string Failed(std::string_view condition) {
  return "AccessDenied: Invalid according to Policy: Policy Condition failed: " +
         std::string(condition);
}
std::string Length(std::string_view range, uint64_t bytes) {
  const auto policy = PostPolicy::Parse(Base64Encode(AsBytes(PolicyText(range))));
  if (!policy.ok()) return Told(policy.error());
  const auto error = policy->CheckLength(bytes);
  return error ? std::string(S3CodeName(error->code)) + " " +
                     std::string(error->Field("ProposedSize")) + " " +
                     std::string(error->Field("MaxSizeAllowed")) +
                     std::string(error->Field("MinSizeAllowed"))
               : "ok";
}

TEST(PostPolicy, ConditionsHoldExactly) {
  const Form form{{{"key", "user/k"}, {"acl", "private"}}, {}};
  EXPECT_EQ(Judge(PolicyText(R"({"bucket": "b"}, {"key": "user/k"}, {"acl": "private"})"), form),
            "ok");
  EXPECT_EQ(Judge(PolicyText(R"({"bUcKeT": "b"}, ["StArTs-WiTh", "$KeY", "user/"],
                                ["EQ", "$Acl", "private"])"),
                  form),
            "ok");
  EXPECT_EQ(Judge(PolicyText(R"({"bucket": "B"})"), form), Failed(R"(["eq", "$bucket", "B"])"));
  EXPECT_EQ(Judge(PolicyText(R"(["eq", "$key", "user/K"])"), form),
            Failed(R"(["eq", "$key", "user/K"])"));
  EXPECT_EQ(Judge(PolicyText(R"(["starts-with", "$key", "User"])"), form),
            Failed(R"(["starts-with", "$key", "User"])"));
  EXPECT_EQ(Judge(PolicyText(R"(["eq", "key", "user/k"])"), form),
            Failed(R"(["eq", "key", "user/k"])"));
  EXPECT_EQ(Judge(PolicyText(R"(["eq", "$x-amz-meta-a", "1"])"), form),
            Failed(R"(["eq", "$x-amz-meta-a", "1"])"));
  EXPECT_EQ(Judge(PolicyText(R"(["content-length-range", "test", "10"])"), form),
            Failed(R"(["content-length-range", "test", "10"])"));
}

TEST(PostPolicy, EveryFieldIsNamedByACondition) {
  const std::string base = R"({"bucket": "b"}, ["starts-with", "$key", ""])";
  Form form{{{"key", "k"}, {"policy", "p"}, {"x-amz-signature", "s"}, {"x-ignore-this", "i"}}, {}};
  EXPECT_EQ(Judge(PolicyText(base), form), "ok");
  form.fields.push_back({"x-amz-meta-z", ""});
  form.fields.push_back({"acl", "private"});
  EXPECT_EQ(Judge(PolicyText(base), form),
            "AccessDenied: Invalid according to Policy: Extra input fields: acl, x-amz-meta-z");
  EXPECT_EQ(Judge(PolicyText(base + R"(, ["content-length-range", 0, 1])"), form),
            "AccessDenied: Invalid according to Policy: Extra input fields: acl, x-amz-meta-z");
  EXPECT_EQ(Judge(PolicyText(R"(["starts-with", "$key", ""])"), Form{{{"key", "k"}}, {}}),
            "AccessDenied: Invalid according to Policy: Extra input fields: bucket");
}

TEST(PostPolicy, Expires) {
  const Form form;
  const std::string text = PolicyText(R"({"bucket": "b"})");
  EXPECT_EQ(Judge(text, form, kNow + 59), "ok");
  EXPECT_EQ(Judge(text, form, kNow + 60),
            "AccessDenied: Invalid according to Policy: Policy expired.");
}

TEST(PostPolicy, DocumentsThatAreNotUnderstoodAreRefused) {
  const std::string expires(kExpires);
  for (const std::string& text :
       {std::string(),
        std::string("x"),
        std::string("[]"),
        std::string("{}"),
        std::string(R"({"conditions": []})"),
        "{" + expires + "}",
        "{" + expires + R"("conditions": {}})",
        "{" + expires + R"("conditions": [], "x": 1})",
        std::string(R"({"expiration": "tomorrow", "conditions": []})"),
        std::string(R"({"expiration": 5, "conditions": []})"),
        std::string(R"({"expiration": "2013-05-24T00:01:00Z", "expiration":
                          "2033-05-24T00:01:00Z", "conditions": []})"),
        PolicyText("{}"),
        PolicyText(R"({"a": "1", "b": "2"})"),
        PolicyText(R"({"a": "1", "a": "2"})"),
        PolicyText(R"({"a": 1})"),
        PolicyText("\"a\""),
        PolicyText("[]"),
        PolicyText(R"(["eq", "$a"])"),
        PolicyText(R"(["eq", "$a", "b", "c"])"),
        PolicyText(R"(["eq", "$a", 1])"),
        PolicyText(R"(["eq", 1, "a"])"),
        PolicyText(R"(["ends-with", "$a", "b"])"),
        PolicyText(R"([1, "$a", "b"])"),
        PolicyText(R"(["content-length-range", 1])"),
        PolicyText(std::string(500, '[')),
        PolicyText(R"({"a": "b"})") + "x"}) {
    EXPECT_EQ(Judge(text, Form{}).substr(0, 37), "InvalidPolicyDocument: Invalid Policy") << text;
  }
  EXPECT_FALSE(PostPolicy::Parse("no base64!").ok());
  EXPECT_EQ(Judge(PolicyText(R"({"a": "1", "b": "2"})"), Form{}),
            "InvalidPolicyDocument: Invalid Policy: Invalid Simple-Condition: Simple-Conditions "
            "must have exactly one property specified.");
}

TEST(PostPolicy, LengthsLieInTheRange) {
  EXPECT_EQ(Length(R"(["content-length-range", 5, 10])", 5), "ok");
  EXPECT_EQ(Length(R"(["Content-Length-Range", "5", "10"])", 10), "ok");
  EXPECT_EQ(Length(R"(["content-length-range", 5, 10])", 11), "EntityTooLarge 11 10");
  EXPECT_EQ(Length(R"(["content-length-range", 5, 10])", 4), "EntityTooSmall 4 5");
  EXPECT_EQ(Length(R"(["content-length-range", -1, 0])", 0), "ok");
  EXPECT_EQ(Length(R"(["content-length-range", 0, 9], ["content-length-range", 0, 5])", 6),
            "EntityTooLarge 6 5");
  EXPECT_EQ(Length(R"(["content-length-range", 0, 18446744073709551615])", UINT64_MAX), "ok");
}

class PostFormTest : public ::testing::Test {
 protected:
  Form Signed(std::string_view conditions = R"({"bucket": "b"}, ["starts-with", "$key", "k"],
        ["starts-with", "$x-amz-algorithm", ""], ["starts-with", "$x-amz-credential", ""],
        ["starts-with", "$x-amz-date", ""])",
              std::string_view access_key = "AKIAIOSFODNN7EXAMPLE") {
    const std::string policy = Base64Encode(AsBytes(PolicyText(conditions)));
    const Sha256Digest key = DeriveSigningKey(Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                                              "20130524", "us-east-1");
    Form form{
        {{"key", "k"},
         {"policy", policy},
         {"x-amz-algorithm", "AWS4-HMAC-SHA256"},
         {"x-amz-credential", std::string(access_key) + "/20130524/us-east-1/s3/aws4_request"},
         {"x-amz-date", "20130524T000000Z"},
         {"x-amz-signature", HexEncode(HmacSha256(key, AsBytes(policy)))}},
        {}};
    return form;
  }
  static void Set(Form* form, std::string_view name, const std::string& value) {
    for (FormField& field : form->fields) {
      if (field.name == name) field.value = value;
    }
  }
  static void Drop(Form* form, std::string_view name) {
    std::erase_if(form->fields, [name](const FormField& field) { return field.name == name; });
  }
  std::string Try(const Form& form) {
    AuthContext context;
    context.now_seconds = kNow;
    const auto verified = AuthenticateForm(form, "b", context, keys_);
    if (!verified.ok()) {
      return std::string(S3CodeName(verified.error().code)) + " " +
             std::string(verified.error().Field("ArgumentName"));
    }
    EXPECT_TRUE(verified->identity.is_form);
    EXPECT_EQ(verified->identity.is_anonymous, !verified->policy.has_value());
    return verified->identity.is_anonymous ? "anonymous" : verified->identity.identity->user_name;
  }

  Keys keys_ = Keys::Example();
};

TEST_F(PostFormTest, SignedAndUnsignedForms) {
  EXPECT_EQ(Try(Signed()), "alice");
  EXPECT_EQ(Try(Form{{{"key", "k"}}, {}}), "anonymous");
  EXPECT_EQ(Try(Form{{{"key", "k"}, {"policy", "whatever"}}, {}}), "anonymous");
}

TEST_F(PostFormTest, ASignatureOfAnythingElseIsRefused) {
  Form form = Signed();
  Set(&form, "policy", Base64Encode(AsBytes(PolicyText(R"(["starts-with", "$key", ""])"))));
  EXPECT_EQ(Try(form), "SignatureDoesNotMatch ");
  form = Signed();
  Set(&form, "x-amz-signature", std::string(64, '0'));
  EXPECT_EQ(Try(form), "SignatureDoesNotMatch ");
  Set(&form, "x-amz-signature", "");
  EXPECT_EQ(Try(form), "SignatureDoesNotMatch ");
  EXPECT_EQ(Try(Signed(R"({"bucket": "b"})", "AKIANOBODY")), "InvalidAccessKeyId ");
  EXPECT_EQ(Try(Signed(R"({"bucket": "b"})", "AKIADISABLED")), "InvalidAccessKeyId ");
}

TEST_F(PostFormTest, PartOfTheCredentialsIsNotNone) {
  for (const std::string_view name :
       {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "policy"}) {
    Form form = Signed();
    Drop(&form, name);
    EXPECT_TRUE(Try(form).starts_with("InvalidArgument ")) << name;
  }
  for (const std::string_view name : {"awsaccesskeyid", "signature"}) {
    EXPECT_TRUE(Try(Form{{{std::string(name), "x"}}, {}}).starts_with("InvalidArgument ")) << name;
    Form form = Signed();
    form.fields.push_back({std::string(name), "x"});
    EXPECT_EQ(Try(form), "InvalidArgument AWSAccessKeyId");
  }
  EXPECT_EQ(Try(Form{{{"awsaccesskeyid", "x"}, {"signature", "x"}}, {}}), "InvalidRequest ");
  Form token = Signed();
  token.fields.push_back({"x-amz-security-token", "t"});
  EXPECT_EQ(Try(token), "InvalidToken ");
}

TEST_F(PostFormTest, ScopeAndDateAreThoseOfTheEndpoint) {
  const std::string key = "AKIAIOSFODNN7EXAMPLE";
  for (const std::string& credential :
       {key + "/20130524/eu-west-1/s3/aws4_request", key + "/20130524/us-east-1/sts/aws4_request",
        key + "/20130524/us-east-1/s3/aws3_request", key + "/20130523/us-east-1/s3/aws4_request",
        key, std::string("/20130524/us-east-1/s3/aws4_request")}) {
    Form form = Signed();
    Set(&form, "x-amz-credential", credential);
    EXPECT_EQ(Try(form), "InvalidArgument X-Amz-Credential") << credential;
  }
  Form form = Signed();
  Set(&form, "x-amz-date", "2013-05-24");
  EXPECT_EQ(Try(form), "InvalidArgument X-Amz-Date");
  Set(&form, "x-amz-date", "20130524T001501Z");
  EXPECT_EQ(Try(form), "AccessDenied ");
  form = Signed();
  Set(&form, "x-amz-algorithm", "AWS4-ECDSA-P256-SHA256");
  EXPECT_EQ(Try(form), "InvalidArgument X-Amz-Algorithm");
}

TEST_F(PostFormTest, TheFormMayNotNameAnotherBucket) {
  Form form{{{"bucket", "b"}}, {}};
  EXPECT_EQ(Try(form), "anonymous");
  form.fields[0].value = "c";
  EXPECT_EQ(Try(form), "InvalidArgument bucket");
}

TEST(ExpandKey, FillsInTheNameOfTheFile) {
  const auto expand = [](std::string key, std::optional<std::string> file_name) {
    Form form{{{"key", std::move(key)}}, std::move(file_name)};
    const auto error = ExpandKey(&form);
    return error ? std::string(S3CodeName(error->code)) : form.fields[0].value;
  };
  EXPECT_EQ(expand("a/${filename}/${filename}", "f"), "a/f/f");
  EXPECT_EQ(expand("${filename}", "C:\\dir\\f.txt"), "f.txt");
  EXPECT_EQ(expand("${filename}", "/etc/../f"), "f");
  EXPECT_EQ(expand("${filename}", "${filename}"), "${filename}");
  EXPECT_EQ(expand("a-${filename}", std::nullopt), "a-${filename}");
  EXPECT_EQ(expand("$filename}", "f"), "$filename}");
  EXPECT_EQ(expand("${filename}", ""), "InvalidArgument");
  EXPECT_EQ(expand("", "f"), "InvalidArgument");
  EXPECT_EQ(expand("${filename}", "\xff"), "InvalidArgument");
  EXPECT_EQ(expand(std::string(1024, 'k'), "f"), std::string(1024, 'k'));
  EXPECT_EQ(expand(std::string(1020, 'k') + "${filename}", "five5"), "KeyTooLongError");
  Form none;
  EXPECT_EQ(ExpandKey(&none)->Field("ArgumentName"), "key");
}

TEST(CheckFormRequest, CredentialsAndHeadersOutsideTheFormAreRefused) {
  HttpRequest request;
  request.headers.push_back({"content-type", "multipart/form-data; boundary=b"});
  EXPECT_FALSE(CheckFormRequest(request));
  for (const std::string_view name :
       {"authorization", "x-amz-acl", "x-amz-meta-a", "x-amz-date", "content-md5"}) {
    HttpRequest with = request;
    with.headers.push_back({name, "x"});
    EXPECT_TRUE(CheckFormRequest(with)) << name;
  }
  request.query.push_back({"X-Amz-Signature", "x", "X-Amz-Signature", "x", true});
  EXPECT_TRUE(CheckFormRequest(request));
}

}  // namespace
}  // namespace ashlar::api_gateway

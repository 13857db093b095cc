// The IAM API without a server: its table, its forms and its documents. The whole of it over http:
// tests/s3/test_iam.py.
#include <gtest/gtest.h>

#include <set>

#include "api_gateway/iam_api/actions.h"
#include "api_gateway/iam_api/iam_endpoint.h"

namespace ashlar::api_gateway::iam_api {
namespace {

// tests/s3/test_iam.py refuses each of these to a user without the right. Whoever adds an action
// adds it there too.
constexpr std::string_view kGuarded[] = {
    "CreateUser",      "GetUser",        "ListUsers",        "DeleteUser",
    "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey",  "DeleteAccessKey",
    "PutUserPolicy",   "GetUserPolicy",  "ListUserPolicies", "DeleteUserPolicy",
};

TEST(IamActionsTest, EveryActionAsksForItsOwnRight) {
  std::set<std::string_view> guarded;
  for (const Action& action : Actions()) {
    ASSERT_NE(action.handler, nullptr) << action.name;
    EXPECT_EQ(FindAction(action.service, action.name), &action);
    if (action.about == About::kNothing) {
      EXPECT_EQ(action.name, "GetCallerIdentity");  // the only one, as with AWS
      continue;
    }
    EXPECT_EQ(action.permission, "iam:" + std::string(action.name));
    EXPECT_TRUE(guarded.insert(action.name).second);
  }
  EXPECT_EQ(guarded, std::set<std::string_view>(std::begin(kGuarded), std::end(kGuarded)));
}

TEST(IamActionsTest, AreOfOneService) {
  EXPECT_EQ(FindAction(Service::kSts, "ListUsers"), nullptr);
  EXPECT_EQ(FindAction(Service::kIam, "GetCallerIdentity"), nullptr);
  for (const char* name : {"", "listusers", "ListUsers ", "CreateRole"}) {
    EXPECT_EQ(FindAction(Service::kIam, name), nullptr) << name;
  }
}

TEST(IamFormTest, ReadsWhatSdksSend) {
  const auto form = Form::Parse("Action=PutUserPolicy&UserName=a%2Bb%40c&Empty=&Flag&P=%7B+%7D+x");
  ASSERT_TRUE(form.has_value());
  EXPECT_EQ(form->Find("Action"), "PutUserPolicy");
  EXPECT_EQ(form->Find("UserName"), "a+b@c");
  EXPECT_EQ(form->Find("Empty"), "");
  EXPECT_EQ(form->Find("Flag"), "");
  EXPECT_EQ(form->Find("P"), "{ } x");
  EXPECT_EQ(form->Find("Absent"), std::nullopt);
  EXPECT_EQ(Form::Parse("a=b=c")->Find("a"), "b=c");
  EXPECT_TRUE(Form::Parse("")->parameters().empty());
}

TEST(IamFormTest, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const char* body : {"a=1&a=2", "a=1&%61=2", "a=1&", "&a=1", "a=1&&b=2", "=1", "%=1", "a=%4",
                           "a=%zz", "a=%ff", "%c3=1"}) {
    EXPECT_FALSE(Form::Parse(body).has_value()) << body;
  }
  std::string many = "p0=";
  for (size_t i = 1; i < kFormParametersMax; ++i) many += "&p" + std::to_string(i) + "=";
  EXPECT_TRUE(Form::Parse(many).has_value());
  EXPECT_FALSE(Form::Parse(many + "&more=").has_value());
}

HttpRequest Request(std::string method, std::string target, std::string_view type) {
  HttpRequest request;
  request.method = std::move(method);
  request.raw_target = std::move(target);
  if (!type.empty()) request.headers.emplace_back("content-type", type);
  EXPECT_TRUE(ParseTarget(&request).ok());
  return request;
}

TEST(IamEndpointTest, TakesFormsThatArePostedToTheRootAlone) {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  EXPECT_TRUE(IsIamRequest(Request("POST", "/", kForm)));
  EXPECT_TRUE(
      IsIamRequest(Request("POST", "/", "Application/X-WWW-Form-Urlencoded ; charset=utf-8")));
  EXPECT_FALSE(IsIamRequest(Request("POST", "/", "")));
  EXPECT_FALSE(IsIamRequest(Request("POST", "/", "multipart/form-data")));
  EXPECT_FALSE(IsIamRequest(Request("POST", "/?delete", kForm)));
  EXPECT_FALSE(IsIamRequest(Request("POST", "/bucket", kForm)));
  EXPECT_FALSE(IsIamRequest(Request("POST", "//", kForm)));
  EXPECT_FALSE(IsIamRequest(Request("PUT", "/", kForm)));
}

TEST(IamErrorTest, HasTheFormOfIam) {
  EXPECT_EQ(RenderIamError({403, "AccessDenied", "<no>"}, Service::kIam, "R1"),
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>"
            "<Type>Sender</Type><Code>AccessDenied</Code><Message>&lt;no&gt;</Message></Error>"
            "<RequestId>R1</RequestId></ErrorResponse>");
  EXPECT_NE(RenderIamError({500, "ServiceFailure", ""}, Service::kSts, "R1").find("Receiver"),
            std::string::npos);
  EXPECT_EQ(RenderIamAnswer("DeleteUser", "", Service::kIam, "R1"),
            "<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">"
            "<ResponseMetadata><RequestId>R1</RequestId></ResponseMetadata></DeleteUserResponse>");
}

TEST(IamErrorTest, TellsWhatWasRefusedAndHidesWhatBroke) {
  const std::pair<Code, const char*> kRows[] = {
      {Code::kAlreadyExists, "EntityAlreadyExists"},
      {Code::kNotFound, "NoSuchEntity"},
      {Code::kConflict, "DeleteConflict"},
      {Code::kNoSpace, "LimitExceeded"},
      {Code::kInvalidArgument, "ValidationError"},
      {Code::kUnavailable, "ServiceUnavailable"},
      {Code::kCorrupt, "ServiceFailure"},
      {Code::kInternal, "ServiceFailure"},
  };
  for (const auto& [code, name] : kRows) {
    const IamError error = FromRefusal(Status(code, "/the/inside"));
    EXPECT_EQ(error.code, name);
    if (error.http_status >= 500) {
      EXPECT_EQ(error.message.find("inside"), std::string::npos) << name;
    }
  }
}

// No word of the canonical request, nor of the string to sign, gets into an answer or a log.
TEST(IamErrorTest, ASignatureThatDoesNotMatchTellsNothing) {
  const S3Error s3 = S3Error(S3Code::kSignatureDoesNotMatch).With("CanonicalRequest", "inside");
  const IamError error = FromAuthentication(s3);
  EXPECT_EQ(error.code, "SignatureDoesNotMatch");
  EXPECT_EQ(error.message.find("inside"), std::string::npos);
}

}  // namespace
}  // namespace ashlar::api_gateway::iam_api

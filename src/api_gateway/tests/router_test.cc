// The route table: complete, unambiguous, and what does not fit is refused, never taken for
// something simpler.
#include <gtest/gtest.h>

#include <set>

#include "api_gateway/routing/route_table.h"
#include "api_gateway/s3_gateway.h"

namespace ashlar::api_gateway {
namespace {

struct Sent {
  HttpRequest request;
  S3Address address;
};

Sent Send(std::string method, std::string target, RequestHeaders headers = {}) {
  Sent sent;
  sent.request.method = std::move(method);
  sent.request.raw_target = std::move(target);
  sent.request.headers = std::move(headers);
  EXPECT_TRUE(ParseTarget(&sent.request).ok()) << sent.request.raw_target;
  auto address = ResolveAddress(sent.request, {});
  EXPECT_TRUE(address.ok());
  sent.address = *address;
  return sent;
}

std::string OperationOf(const Sent& sent) {
  auto route = FindRoute(sent.request, sent.address);
  return route.ok() ? std::string((*route)->operation)
                    : "!" + std::string(S3CodeName(route.error().code));
}

std::string OperationOf(std::string method, std::string target, RequestHeaders headers = {}) {
  return OperationOf(Send(std::move(method), std::move(target), std::move(headers)));
}

// The plainest request of a row.
Sent RequestOf(const Route& route) {
  std::string target = "/";
  if (route.level != Level::kService) target += "bucket";
  if (route.level == Level::kObject || route.level == Level::kAny) target += "/key";
  RequestHeaders headers;
  char separator = '?';
  for (const Mark& mark : route.marks) {
    if (mark.kind == Mark::Kind::kHeader) {
      headers.push_back(
          {std::string(mark.name), mark.value.empty() ? "bucket/source" : std::string(mark.value)});
    } else if (mark.kind == Mark::Kind::kQuery) {
      target += separator + std::string(mark.name);
      if (!mark.value.empty()) target += "=" + std::string(mark.value);
      separator = '&';
    }
  }
  return Send(std::string(MethodName(route.method)), target, headers);
}

TEST(RouteTable, HoldsTheWholeApi) {
  std::set<std::string_view> names;
  for (const Route& route : Routes()) EXPECT_TRUE(names.insert(route.operation).second);
  EXPECT_EQ(names.size(), 118u);
  EXPECT_TRUE(names.contains("PostObject"));
  EXPECT_TRUE(names.contains("Options"));
}

TEST(RouteTable, EveryOperationIsFoundByItsPlainestRequest) {
  for (const Route& route : Routes()) {
    const std::string_view expected =
        route.same_request_as.empty() ? route.operation : route.same_request_as;
    EXPECT_EQ(OperationOf(RequestOf(route)), expected);
  }
}

TEST(RouteTable, NoRequestFitsTwoRows) {
  const auto marks_of = [](const Route& route) {
    std::set<std::string> marks;
    for (const Mark& mark : route.marks) {
      if (mark.kind != Mark::Kind::kNone) {
        marks.insert(std::string(mark.name) + "=" + std::string(mark.value));
      }
    }
    return marks;
  };
  std::set<std::tuple<Method, Level, std::set<std::string>>> seen;
  for (const Route& route : Routes()) {
    if (!route.same_request_as.empty()) continue;
    EXPECT_TRUE(seen.emplace(route.method, route.level, marks_of(route)).second) << route.operation;
  }
}

TEST(RouteTable, HandlerAndSupportAgree) {
  for (const Route& route : Routes()) {
    EXPECT_EQ(route.handler == nullptr, route.support == Support::kNotBuilt) << route.operation;
    EXPECT_FALSE(route.action.name().empty());
  }
}

// "Nothing is set" is the truth only while nothing can be set but what holds anyway.
TEST(RouteTable, WhatIsAnsweredAsUnsetCannotBeSet) {
  for (const Route& unset : Routes()) {
    if (unset.support != Support::kNothingSet) continue;
    for (const Route& setter : Routes()) {
      if (setter.method != Method::kPut && setter.method != Method::kPost) continue;
      if (setter.level != unset.level || setter.marks != unset.marks) continue;
      EXPECT_TRUE(setter.handler == nullptr || setter.support == Support::kFixed)
          << setter.operation << " can set " << unset.operation;
    }
  }
}

TEST(FindRoute, ParametersThatAreNoMarksDoNotCount) {
  EXPECT_EQ(OperationOf("GET", "/b?prefix=a&delimiter=%2F&marker=&max-keys=3&encoding-type=url"),
            "ListObjects");
  EXPECT_EQ(OperationOf("GET", "/b?list-type=2&start-after=x&fetch-owner=true"), "ListObjectsV2");
  EXPECT_EQ(OperationOf("GET", "/b/k?x-id=GetObject"), "GetObject");
  EXPECT_EQ(OperationOf("GET", "/b/k?X-Amz-Signature=1&X-Amz-Date=2"), "GetObject");
  EXPECT_EQ(OperationOf("GET", "/b/k?partNumber=1&versionId=null&response-expires=x"), "GetObject");
  EXPECT_EQ(OperationOf("PUT", "/b/k?x-id=PutObject"), "PutObject");
  EXPECT_EQ(OperationOf("GET", "/b/k?mine=1"), "GetObject");
  EXPECT_EQ(OperationOf("GET", "/b?acl="), "GetBucketAcl");
}

TEST(FindRoute, MarksMustFitExactly) {
  EXPECT_EQ(OperationOf("PUT", "/b/k?uploadId=x"), "!InvalidArgument");
  EXPECT_EQ(OperationOf("PUT", "/b/k?partNumber=1"), "!InvalidArgument");
  EXPECT_EQ(OperationOf("PUT", "/b/k?acl&tagging"), "!InvalidArgument");
  EXPECT_EQ(OperationOf("GET", "/b?versions&list-type=2"), "!InvalidArgument");
  EXPECT_EQ(OperationOf("GET", "/b?list-type=3"), "!InvalidArgument");
  EXPECT_EQ(OperationOf("POST", "/b/k?uploads&uploadId=x"), "!InvalidArgument");
  EXPECT_EQ(OperationOf("PUT", "/b?inventory"), "!NotImplemented");
  EXPECT_EQ(OperationOf("DELETE", "/b?metrics"), "!InvalidArgument");
  EXPECT_EQ(OperationOf("GET", "/b?analytics"), "ListBucketAnalyticsConfigurations");
  EXPECT_EQ(OperationOf("GET", "/b?analytics&id=1"), "GetBucketAnalyticsConfiguration");
}

TEST(FindRoute, UnknownFlagIsNeverAPlainOperation) {
  EXPECT_EQ(OperationOf("GET", "/b?newthing"), "!NotImplemented");
  EXPECT_EQ(OperationOf("PUT", "/b/k?newthing"), "!NotImplemented");
  EXPECT_EQ(OperationOf("DELETE", "/b?newthing="), "!NotImplemented");
}

TEST(FindRoute, WrongSubResources) {
  EXPECT_EQ(OperationOf("GET", "/b/k?uploads"), "!InvalidRequest");
  EXPECT_EQ(OperationOf("GET", "/b/k?versions"), "!InvalidRequest");
  EXPECT_EQ(OperationOf("DELETE", "/b?versions"), "!MethodNotAllowed");
  EXPECT_EQ(OperationOf("DELETE", "/b/k?acl"), "!MethodNotAllowed");
  EXPECT_EQ(OperationOf("PUT", "/b/k?policy"), "!MethodNotAllowed");
  EXPECT_EQ(OperationOf("HEAD", "/b?policy"), "!MethodNotAllowed");
}

TEST(FindRoute, MethodNotAllowedNamesMethodAndResource) {
  const Sent sent = Send("POST", "/b/k");
  auto route = FindRoute(sent.request, sent.address);
  ASSERT_FALSE(route.ok());
  EXPECT_EQ(route.error().code, S3Code::kMethodNotAllowed);
  EXPECT_EQ(route.error().Field("Method"), "POST");
  EXPECT_EQ(route.error().Field("ResourceType"), "OBJECT");
  EXPECT_EQ(OperationOf("PATCH", "/b/k"), "!MethodNotAllowed");
  EXPECT_EQ(OperationOf("PUT", "/"), "!MethodNotAllowed");
}

TEST(FindRoute, CopySourceOnlyWhereCopiesAre) {
  const RequestHeaders copy = {{"x-amz-copy-source", "b/s"}};
  EXPECT_EQ(OperationOf("PUT", "/b/k", copy), "CopyObject");
  EXPECT_EQ(OperationOf("PUT", "/b/k?partNumber=1&uploadId=x", copy), "UploadPartCopy");
  for (const char* method : {"GET", "HEAD", "DELETE"}) {
    EXPECT_EQ(OperationOf(method, "/b/k", copy), "!InvalidArgument") << method;
  }
  EXPECT_EQ(OperationOf("POST", "/b/k?uploads", copy), "!InvalidArgument");
  EXPECT_EQ(OperationOf("PUT", "/b/k?acl", copy), "!InvalidArgument");
  EXPECT_EQ(OperationOf("PUT", "/b", copy), "!InvalidArgument");
}

TEST(FindRoute, BucketAddressMayEndInASlash) {
  EXPECT_EQ(OperationOf("GET", "/b/"), "ListObjects");
  EXPECT_EQ(OperationOf("PUT", "/b/"), "CreateBucket");
  EXPECT_EQ(OperationOf("GET", "/"), "ListBuckets");
  EXPECT_EQ(OperationOf("GET", "/b//"), "GetObject");
}

TEST(FindRoute, PostObjectIsAForm) {
  EXPECT_EQ(OperationOf("POST", "/b", {{"content-type", "multipart/form-data; boundary=x"}}),
            "PostObject");
  // Says what is wrong with it, as S3 does; other levels have no forms.
  EXPECT_EQ(OperationOf("POST", "/b"), "!PreconditionFailed");
  EXPECT_EQ(OperationOf("POST", "/b", {{"content-type", "text/plain"}}), "!PreconditionFailed");
  EXPECT_EQ(OperationOf("POST", "/", {{"content-type", "multipart/form-data; boundary=x"}}),
            "!MethodNotAllowed");
}

TEST(RoutesAsJson, NamesEveryOperation) {
  const std::string json = RoutesAsJson();
  for (const Route& route : Routes()) {
    EXPECT_NE(json.find("\"operation\": \"" + std::string(route.operation) + "\""),
              std::string::npos);
  }
  EXPECT_NE(json.find("\"marks\": \"x-amz-copy-source: ?partNumber ?uploadId\""), std::string::npos)
      << json;
}

}  // namespace
}  // namespace ashlar::api_gateway

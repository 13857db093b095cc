// CORS rules: which documents are taken, and which calls they allow.
#include <gtest/gtest.h>

#include "api_gateway/documents/cors.h"

namespace ashlar::api_gateway {
namespace {

std::string Rule(std::string_view inside) {
  return "<CORSRule>" + std::string(inside) + "</CORSRule>";
}

std::string Document(std::string_view rules) {
  return "<CORSConfiguration>" + std::string(rules) + "</CORSConfiguration>";
}

const std::string kGetFromAnywhere =
    "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>";

std::string CodeOf(const std::string& body) {
  const auto rules = ParseCors(body);
  return rules.ok() ? "ok" : std::string(S3CodeName(rules.error().code));
}

std::string MessageOf(const std::string& inside) {
  const auto rules = ParseCors(Document(Rule(inside)));
  return rules.ok() ? "ok" : rules.error().message;
}

CorsRule From(std::string origin) {
  CorsRule rule;
  rule.methods = {"GET", "PUT"};
  rule.origins = {std::move(origin)};
  return rule;
}

bool IsAllowed(const CorsRule& rule, std::string_view origin, std::string_view method = "GET",
               std::vector<std::string> headers = {}) {
  CorsQuestion question;
  question.origin = origin;
  question.method = method;
  question.headers = std::move(headers);
  return FindCorsRule({rule}, question) != nullptr;
}

TEST(Cors, KeepsEveryElementInItsOrder) {
  const auto rules =
      ParseCors(Document(Rule("<ID>one</ID><AllowedOrigin>http://b</AllowedOrigin><AllowedOrigin/>"
                              "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
                              "<AllowedHeader>X-b</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
                              "<MaxAgeSeconds>30</MaxAgeSeconds>") +
                         Rule(kGetFromAnywhere)));
  ASSERT_TRUE(rules.ok());
  ASSERT_EQ(rules->size(), 2u);
  const CorsRule& first = rules->front();
  EXPECT_EQ(first.id, "one");
  EXPECT_EQ(first.origins, (std::vector<std::string>{"http://b", ""}));
  EXPECT_EQ(first.methods, (std::vector<std::string>{"PUT", "GET"}));
  EXPECT_EQ(first.headers, (std::vector<std::string>{"X-b"}));
  EXPECT_EQ(first.expose_headers, (std::vector<std::string>{"ETag"}));
  EXPECT_EQ(first.max_age_seconds, 30u);
  EXPECT_FALSE(rules->back().id.has_value());
  const auto again = ParseCors(RenderCors(*rules));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *rules);
}

TEST(Cors, DocumentsOfAnotherFormAreMalformed) {
  for (const std::string& body :
       {std::string(), Document(""), Document(Rule("")), Document("<Rule/>"),
        Document(Rule("<AllowedMethod>GET</AllowedMethod>")),
        Document(Rule("<AllowedOrigin>*</AllowedOrigin>")),
        Document(Rule(kGetFromAnywhere + "<Else/>")),
        Document(Rule(kGetFromAnywhere + "<ID>a</ID><ID>b</ID>")),
        Document(Rule(kGetFromAnywhere + "<MaxAgeSeconds>-1</MaxAgeSeconds>")),
        Document(Rule(kGetFromAnywhere + "<MaxAgeSeconds>2147483648</MaxAgeSeconds>")),
        Document(Rule(kGetFromAnywhere + "<ExposeHeader>a&#10;b</ExposeHeader>"))}) {
    EXPECT_EQ(CodeOf(body), "MalformedXML") << body;
  }
}

TEST(Cors, ValuesThatAreNotAllowedAreNamed) {
  EXPECT_EQ(MessageOf("<AllowedMethod>OPTIONS</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"),
            "Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS");
  EXPECT_EQ(MessageOf("<AllowedMethod>get</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"),
            "Found unsupported HTTP method in CORS config. Unsupported method is get");
  EXPECT_EQ(MessageOf(kGetFromAnywhere + "<AllowedOrigin>*a*.com</AllowedOrigin>"),
            "AllowedOrigin \"*a*.com\" can not have more than one wildcard.");
  EXPECT_EQ(MessageOf(kGetFromAnywhere + "<AllowedHeader>*a*</AllowedHeader>"),
            "AllowedHeader \"*a*\" can not have more than one wildcard.");
  EXPECT_EQ(MessageOf(kGetFromAnywhere + "<ExposeHeader>x-*</ExposeHeader>"),
            "ExposeHeader \"x-*\" contains wildcard. We currently do not support wildcard for "
            "ExposeHeader.");
}

TEST(Cors, RulesAreCounted) {
  std::string rules;
  for (size_t i = 0; i < kCorsRulesMax; ++i) rules += Rule(kGetFromAnywhere);
  EXPECT_EQ(CodeOf(Document(rules)), "ok");
  EXPECT_EQ(CodeOf(Document(rules + Rule(kGetFromAnywhere))), "InvalidRequest");
}

TEST(Cors, IdsAreShortAndDiffer) {
  const auto with_id = [](const std::string& id) {
    return Rule("<ID>" + id + "</ID>" + kGetFromAnywhere);
  };
  std::string longest;
  for (int i = 0; i < 255; ++i) longest += "ä";
  EXPECT_EQ(CodeOf(Document(with_id(longest))), "ok");
  EXPECT_EQ(CodeOf(Document(with_id(longest + "b"))), "InvalidArgument");
  EXPECT_EQ(CodeOf(Document(with_id("a") + with_id("b"))), "ok");
  EXPECT_EQ(CodeOf(Document(with_id("a") + with_id("a"))), "InvalidArgument");
}

TEST(Cors, OriginsMatchAsAWhole) {
  EXPECT_TRUE(IsAllowed(From("https://a.com"), "https://a.com"));
  EXPECT_FALSE(IsAllowed(From("https://a.com"), "http://a.com"));
  EXPECT_FALSE(IsAllowed(From("https://a.com"), "https://a.com/"));
  EXPECT_FALSE(IsAllowed(From("https://a.com"), "https://A.com"));
  for (const char* match : {"startend", "start1end", "start.x/end"}) {
    EXPECT_TRUE(IsAllowed(From("start*end"), match)) << match;
  }
  for (const char* other : {"0startend", "startend0", "starend", "stand"}) {
    EXPECT_FALSE(IsAllowed(From("start*end"), other)) << other;
  }
  // What stands before and after the wildcard must not be the same characters twice.
  EXPECT_FALSE(IsAllowed(From("abc*bcd"), "abcd"));
}

TEST(Cors, MethodsMustBeListed) {
  EXPECT_TRUE(IsAllowed(From("*"), "o", "PUT"));
  EXPECT_FALSE(IsAllowed(From("*"), "o", "DELETE"));
}

TEST(Cors, EveryRequestedHeaderMustBeAllowed) {
  CorsRule rule = From("*");
  EXPECT_FALSE(IsAllowed(rule, "o", "GET", {"x-a"}));
  rule.headers = {"X-Amz-*", "Content-Type"};
  EXPECT_TRUE(IsAllowed(rule, "o", "GET", {"x-amz-date", "content-type"}));
  EXPECT_FALSE(IsAllowed(rule, "o", "GET", {"x-amz-date", "x-other"}));
}

TEST(Cors, RequestedHeadersAreSplit) {
  EXPECT_EQ(SplitRequestedHeaders("X-A, x-b,,  x-C ,"),
            (std::vector<std::string>{"x-a", "x-b", "x-c"}));
  EXPECT_TRUE(SplitRequestedHeaders("").empty());
}

TEST(Cors, TheFirstRuleThatFitsDecides) {
  CorsRule second = From("*");
  second.methods = {"DELETE"};
  const std::vector<CorsRule> rules = {From("http://a"), second, From("*")};
  CorsQuestion question;
  question.origin = "http://a";
  question.method = "GET";
  EXPECT_EQ(FindCorsRule(rules, question), &rules[0]);
  question.method = "DELETE";
  EXPECT_EQ(FindCorsRule(rules, question), &rules[1]);
  question.origin = "http://b";
  question.method = "PUT";
  EXPECT_EQ(FindCorsRule(rules, question), &rules[2]);
}

}  // namespace
}  // namespace ashlar::api_gateway

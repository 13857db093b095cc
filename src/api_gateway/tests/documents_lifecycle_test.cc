// Lifecycle rules: which documents have the form, and which values they may hold.
#include <gtest/gtest.h>

#include "api_gateway/documents/lifecycle.h"

namespace ashlar::api_gateway {
namespace {

const std::string kExpires = "<Expiration><Days>100</Days></Expiration>";

std::string Rule(const std::string& actions, const std::string& filter = "<Filter/>",
                 const std::string& id = "r") {
  return "<Rule><ID>" + id + "</ID>" + filter + "<Status>Enabled</Status>" + actions + "</Rule>";
}

std::string Document(const std::string& rules) {
  return "<LifecycleConfiguration>" + rules + "</LifecycleConfiguration>";
}

// "ok", or "Code: message" (of MalformedXML the code alone).
std::string Say(const std::string& rules) {
  const auto parsed = ParseLifecycle(Document(rules));
  if (parsed.ok()) return "ok";
  const std::string code(S3CodeName(parsed.error().code));
  return code == "MalformedXML" ? code : code + ": " + parsed.error().message;
}

std::string Filter(const std::string& inside) { return "<Filter>" + inside + "</Filter>"; }
std::string And(const std::string& inside) { return Filter("<And>" + inside + "</And>"); }
std::string Tag(const std::string& key) {
  return "<Tag><Key>" + key + "</Key><Value>v</Value></Tag>";
}
std::string Move(const std::string& days, const std::string& storage_class) {
  return "<Transition><Days>" + days + "</Days><StorageClass>" + storage_class +
         "</StorageClass></Transition>";
}
std::string MoveOld(const std::string& days, const std::string& storage_class) {
  return "<NoncurrentVersionTransition><NoncurrentDays>" + days +
         "</NoncurrentDays><StorageClass>" + storage_class +
         "</StorageClass></NoncurrentVersionTransition>";
}
std::string Expire(const std::string& inside) { return "<Expiration>" + inside + "</Expiration>"; }
std::string ExpireOld(const std::string& inside) {
  return "<NoncurrentVersionExpiration>" + inside + "</NoncurrentVersionExpiration>";
}
std::string Abort(const std::string& days) {
  return "<AbortIncompleteMultipartUpload><DaysAfterInitiation>" + days +
         "</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
}

TEST(Lifecycle, KeepsEveryElement) {
  const std::string document = Document(
      Rule(Move("30", "STANDARD_IA") + Move("60", "GLACIER") + kExpires + MoveOld("1", "GLACIER") +
               ExpireOld("<NoncurrentDays>9</NoncurrentDays>"
                         "<NewerNoncurrentVersions>3</NewerNoncurrentVersions>"),
           And("<Prefix>a/</Prefix>" + Tag("k") + Tag("l") +
               "<ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>"
               "<ObjectSizeLessThan>9000000000000</ObjectSizeLessThan>"),
           "one") +
      "<Rule><ID>two</ID><Prefix>old/</Prefix><Status>Disabled</Status>" +
      Expire("<Date>2030-01-02T00:00:00Z</Date>") + Abort("7") + "</Rule>");
  const auto rules = ParseLifecycle(document);
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  ASSERT_EQ(rules->size(), 2u);
  const LifecycleRule& one = rules->front();
  EXPECT_TRUE(one.enabled && one.filter->joined);
  EXPECT_EQ(one.filter->tags.size(), 2u);
  EXPECT_EQ(one.filter->size_less_than, 9'000'000'000'000);
  EXPECT_EQ(one.transitions.at(1).storage_class, "GLACIER");
  EXPECT_EQ(one.noncurrent_expiration->newer_versions, 3);
  const LifecycleRule& two = rules->back();
  EXPECT_FALSE(two.enabled);
  EXPECT_EQ(two.prefix, "old/");
  EXPECT_EQ(two.expiration->date_seconds, 1'893'542'400);
  EXPECT_EQ(two.abort_upload_days, 7);
  const auto again = ParseLifecycle(RenderLifecycle(*rules));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *rules);
}

TEST(Lifecycle, RulesWithoutAnIdAreGivenOne) {
  const std::string nameless = "<Rule><Prefix/><Status>Enabled</Status>" + kExpires + "</Rule>";
  const auto rules = ParseLifecycle(Document(nameless + nameless));
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(rules->front().id.size(), 32u);
  EXPECT_NE(rules->front().id, rules->back().id);
}

TEST(Lifecycle, IdsAreShortAndDiffer) {
  EXPECT_EQ(Say(Rule(kExpires, "<Filter/>", std::string(255, 'a'))), "ok");
  EXPECT_EQ(Say(Rule(kExpires, "<Filter/>", std::string(256, 'a'))),
            "InvalidArgument: ID length should not exceed allowed limit of 255");
  EXPECT_EQ(Say(Rule(kExpires) + Rule(kExpires)),
            "InvalidArgument: Rule ID must be unique. Found same ID for more than one rule");
}

TEST(Lifecycle, RulesAreCounted) {
  std::string rules;
  for (size_t i = 0; i < kLifecycleRulesMax; ++i) {
    rules += Rule(kExpires, "<Filter/>", std::to_string(i));
  }
  EXPECT_EQ(Say(rules), "ok");
  EXPECT_EQ(Say(rules + Rule(kExpires)), "MalformedXML");
  EXPECT_EQ(Say(""), "MalformedXML");
}

TEST(Lifecycle, TheFormOfRules) {
  for (const std::string& rule :
       {std::string("<Rule/>"),
        std::string("<Else/>"),
        "<Rule><Status>Enabled</Status>" + kExpires + "</Rule>",
        "<Rule><Prefix/><Filter/><Status>Enabled</Status>" + kExpires + "</Rule>",
        "<Rule><Filter/>" + kExpires + "</Rule>",
        "<Rule><Filter/><Status>enabled</Status>" + kExpires + "</Rule>",
        Rule(kExpires + kExpires),
        Rule(kExpires + "<Else/>"),
        Rule(Expire("")),
        Rule(Expire("<Days>x</Days>")),
        Rule(Expire("<Days>2147483648</Days>")),
        Rule(Expire("<Days>1</Days><Date>2030-01-01T00:00:00Z</Date>")),
        Rule(Expire("<Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>")),
        Rule(Expire("<ExpiredObjectDeleteMarker>yes</ExpiredObjectDeleteMarker>")),
        Rule(Expire("<Date>someday</Date>")),
        Rule(ExpireOld("")),
        Rule(ExpireOld("<NewerNoncurrentVersions>1</NewerNoncurrentVersions>")),
        Rule("<Transition><Days>1</Days></Transition>"),
        Rule(Move("1", "STANDARD")),
        Rule("<Transition><StorageClass>GLACIER</StorageClass></Transition>"),
        Rule("<AbortIncompleteMultipartUpload/>")}) {
    EXPECT_EQ(Say(rule), "MalformedXML") << rule;
  }
}

TEST(Lifecycle, TheFormOfFilters) {
  const std::string size = "<ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>";
  for (const std::string& filter :
       {Filter("<Prefix/>" + size), Filter(Tag("a") + Tag("b")), And(""), And("<Prefix/>"),
        And("<Prefix/><Prefix/>"), Filter("<And><Prefix/>" + size + "</And>" + size),
        Filter("<And><Prefix/>" + size + "</And><And><Prefix/>" + size + "</And>"),
        Filter("<Tag><Key>a</Key></Tag>"), Filter("<Else/>")}) {
    EXPECT_EQ(Say(Rule(kExpires, filter)), "MalformedXML") << filter;
  }
  for (const std::string& filter : {Filter(""), Filter("<Prefix/>"), Filter(size), Filter(Tag("a")),
                                    And("<Prefix/>" + size), And(Tag("a") + Tag("b"))}) {
    EXPECT_EQ(Say(Rule(kExpires, filter)), "ok") << filter;
  }
}

TEST(Lifecycle, ValuesOfFilters) {
  EXPECT_EQ(Say(Rule(kExpires, And(Tag("a") + Tag("a")))),
            "InvalidRequest: Duplicate Tag Keys are not allowed.");
  EXPECT_EQ(Say(Rule(kExpires, Filter(Tag("")))),
            "InvalidRequest: A Tag's Key must be a length between 1 and 128.");
  EXPECT_EQ(Say(Rule(kExpires, And("<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>"
                                   "<ObjectSizeLessThan>5</ObjectSizeLessThan>"))),
            "InvalidRequest: 'ObjectSizeLessThan' has to be a value greater than "
            "'ObjectSizeGreaterThan'.");
  EXPECT_EQ(Say(Rule(kExpires, Filter("<Prefix>" + std::string(1025, 'p') + "</Prefix>"))),
            "InvalidRequest: The maximum size of a prefix is 1024.");
}

TEST(Lifecycle, ARuleDoesSomething) {
  EXPECT_EQ(Say(Rule("")), "InvalidRequest: At least one action needs to be specified in a rule.");
}

TEST(Lifecycle, DaysAreCountedFromOne) {
  for (const char* days : {"0", "-1"}) {
    const std::string text(days);
    EXPECT_EQ(Say(Rule(Expire("<Days>" + text + "</Days>"))),
              "InvalidArgument: 'Days' for Expiration action must be a positive integer");
    EXPECT_EQ(Say(Rule(ExpireOld("<NoncurrentDays>" + text + "</NoncurrentDays>"))),
              "InvalidArgument: 'NoncurrentDays' for NoncurrentVersionExpiration action must be a "
              "positive integer");
    EXPECT_EQ(Say(Rule(Abort(text))),
              "InvalidArgument: 'DaysAfterInitiation' for AbortIncompleteMultipartUpload action "
              "must be a positive integer");
  }
  EXPECT_EQ(Say(Rule(Move("0", "GLACIER"))), "ok");
  EXPECT_EQ(Say(Rule(Move("-1", "GLACIER"))),
            "InvalidArgument: 'Days' in Transition action must be nonnegative");
}

TEST(Lifecycle, DatesAreMidnights) {
  EXPECT_EQ(Say(Rule(Expire("<Date>2030-01-01</Date>"))), "ok");
  EXPECT_EQ(Say(Rule(Expire("<Date>2030-01-01T00:00:00.000Z</Date>"))), "ok");
  EXPECT_EQ(Say(Rule(Expire("<Date>2030-01-01T00:00:01Z</Date>"))),
            "InvalidArgument: 'Date' must be at midnight GMT");
}

TEST(Lifecycle, NewerVersionsHaveALimit) {
  const auto keep = [](const std::string& count) {
    return Rule(ExpireOld("<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>" + count +
                          "</NewerNoncurrentVersions>"));
  };
  EXPECT_EQ(Say(keep("1")), "ok");
  EXPECT_EQ(Say(keep("100")), "ok");
  EXPECT_TRUE(Say(keep("0")).starts_with("InvalidArgument"));
  EXPECT_TRUE(Say(keep("101")).starts_with("InvalidArgument"));
}

TEST(Lifecycle, InfrequentAccessAsksForThirtyDays) {
  for (const std::string& name : {std::string("STANDARD_IA"), std::string("ONEZONE_IA")}) {
    EXPECT_EQ(Say(Rule(Move("30", name))), "ok");
    EXPECT_EQ(Say(Rule(Move("29", name))),
              "InvalidArgument: 'Days' in Transition action must be greater than or equal to 30 "
              "for storageClass '" +
                  name + "'");
    EXPECT_TRUE(Say(Rule(MoveOld("29", name))).starts_with("InvalidArgument: 'NoncurrentDays'"));
  }
}

TEST(Lifecycle, ObjectsMoveToColderClassesOnly) {
  EXPECT_EQ(Say(Rule(Move("60", "GLACIER") + Move("30", "STANDARD_IA"))), "ok");
  EXPECT_EQ(Say(Rule(Move("30", "STANDARD_IA") + Move("59", "GLACIER"))),
            "InvalidArgument: 'Days' in the 'Transition' action for StorageClass 'GLACIER' for "
            "prefix '' must be 30 days more than 'Days' in the 'Transition' action for "
            "StorageClass 'STANDARD_IA'");
  EXPECT_TRUE(Say(Rule(Move("5", "GLACIER") + Move("5", "DEEP_ARCHIVE")))
                  .starts_with("InvalidArgument: 'Days' in the 'Transition' action for "
                               "StorageClass 'DEEP_ARCHIVE'"));
  EXPECT_EQ(Say(Rule(Move("1", "GLACIER") + Move("2", "GLACIER"))),
            "InvalidRequest: 'StorageClass' must be different for 'Transition' actions in same "
            "'Rule' with prefix ''");
}

TEST(Lifecycle, ExpirationComesLast) {
  EXPECT_EQ(Say(Rule(Move("99", "GLACIER") + kExpires)), "ok");
  EXPECT_EQ(Say(Rule(Move("100", "GLACIER") + kExpires)),
            "InvalidArgument: 'Days' in the Expiration action for prefix '' must be greater than "
            "'Days' in the Transition action");
  EXPECT_TRUE(Say(Rule(MoveOld("5", "GLACIER") + ExpireOld("<NoncurrentDays>5</NoncurrentDays>")))
                  .starts_with("InvalidArgument: 'NoncurrentDays' in the "
                               "NoncurrentVersionExpiration action"));
}

TEST(Lifecycle, DaysAndDatesDoNotMix) {
  const std::string on_a_day =
      "<Transition><Date>2030-01-01</Date><StorageClass>GLACIER</StorageClass></Transition>";
  EXPECT_EQ(Say(Rule(on_a_day + Move("5", "DEEP_ARCHIVE"))),
            "InvalidRequest: Found mixed 'Date' and 'Days' based Transition actions in lifecycle "
            "rule for prefix ''");
  EXPECT_EQ(Say(Rule(on_a_day + kExpires)),
            "InvalidRequest: Found mixed 'Date' and 'Days' based Expiration and Transition actions "
            "in lifecycle rule for prefix ''");
  EXPECT_EQ(Say(Rule(on_a_day + Expire("<Date>2030-01-02</Date>"))), "ok");
}

TEST(Lifecycle, SomeActionsTakeNoTagsOrSizes) {
  const std::string marker = Expire("<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>");
  const std::string size = Filter("<ObjectSizeLessThan>1</ObjectSizeLessThan>");
  EXPECT_EQ(Say(Rule(marker, Filter("<Prefix>a</Prefix>"))), "ok");
  EXPECT_EQ(Say(Rule(marker, Filter(Tag("a")))),
            "InvalidRequest: ExpiredObjectDeleteMarker cannot be specified with Tags.");
  EXPECT_TRUE(Say(Rule(marker, size)).starts_with("InvalidRequest"));
  EXPECT_EQ(Say(Rule(Abort("1"), Filter(Tag("a")))),
            "InvalidRequest: AbortIncompleteMultipartUpload cannot be specified with Tags.");
  EXPECT_TRUE(Say(Rule(Abort("1"), size)).starts_with("InvalidRequest"));
}

TEST(Lifecycle, TheMinimumSizeIsOneOfTwo) {
  EXPECT_EQ(*ParseMinimumSize(std::nullopt), "all_storage_classes_128K");
  EXPECT_EQ(*ParseMinimumSize("varies_by_storage_class"), "varies_by_storage_class");
  const auto other = ParseMinimumSize("value");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().message, "Invalid TransitionDefaultMinimumObjectSize found: value");
}

}  // namespace
}  // namespace ashlar::api_gateway

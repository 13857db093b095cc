#include "metadata_db/transactions/decisions.h"

#include <gtest/gtest.h>

namespace ashlar::metadata_db {
namespace {

model::ObjectVersion WithEtag(const std::string& etag) {
  model::ObjectVersion version;
  version.etag = etag;
  return version;
}

TEST(EvaluateConditionTest, MustNotExist) {
  const WriteCondition condition{.must_not_exist = true, .etag_match = std::nullopt};
  const auto version = WithEtag("a");
  EXPECT_TRUE(EvaluateCondition(condition, nullptr).ok());
  EXPECT_EQ(EvaluateCondition(condition, &version).code(), Code::kPreconditionFailed);
}

TEST(EvaluateConditionTest, EtagMatch) {
  const WriteCondition condition{.must_not_exist = false, .etag_match = "aB"};
  const auto same = WithEtag("ab");
  const auto other = WithEtag("ac");
  EXPECT_TRUE(EvaluateCondition(condition, &same).ok());
  EXPECT_EQ(EvaluateCondition(condition, &other).code(), Code::kPreconditionFailed);
  EXPECT_EQ(EvaluateCondition(condition, nullptr).code(), Code::kNotFound);
  const WriteCondition any{.must_not_exist = false, .etag_match = "*"};
  EXPECT_TRUE(EvaluateCondition(any, &other).ok());
  EXPECT_EQ(EvaluateCondition(any, nullptr).code(), Code::kNotFound);
}

TEST(EvaluateConditionTest, CompleteConflictsOnAnyChangeSinceTheStart) {
  const WriteCondition none;
  const WriteCondition match{.must_not_exist = false, .etag_match = "a"};
  const auto version = WithEtag("a");
  EXPECT_TRUE(EvaluateCompleteCondition(none, &version, Sequence{7}, Sequence{3}).ok());
  EXPECT_EQ(EvaluateCompleteCondition(match, &version, Sequence{7}, Sequence{3}).code(),
            Code::kConflict);
  // A condition that does not hold any more is told first, as AWS does.
  EXPECT_EQ(EvaluateCompleteCondition(match, nullptr, Sequence{0}, Sequence{3}).code(),
            Code::kNotFound);
  const auto other = WithEtag("b");
  EXPECT_EQ(EvaluateCompleteCondition(match, &other, Sequence{7}, Sequence{3}).code(),
            Code::kPreconditionFailed);
  EXPECT_TRUE(EvaluateCompleteCondition(match, &version, Sequence{3}, Sequence{3}).ok());
}

TEST(LastModifiedTest, NeverGoesBack) {
  EXPECT_EQ(NextLastModified(100, std::nullopt), 100);
  EXPECT_EQ(NextLastModified(100, 99), 100);
  EXPECT_EQ(NextLastModified(100, 100), 101);
  EXPECT_EQ(NextLastModified(100, 5000), 5001);
}

std::vector<model::UploadPart> StoredParts() {
  std::vector<model::UploadPart> parts(3);
  for (uint32_t i = 0; i < 3; ++i) {
    parts[i].part.number = i * 2 + 1;
    parts[i].etag = "e" + std::to_string(i);
  }
  return parts;
}

TEST(ChoosePartsTest, TakesTheNamedOnesGapsAllowed) {
  const auto chosen =
      ChooseParts({{.number = 1, .etag = "e0"}, {.number = 5, .etag = "E2"}}, StoredParts());
  ASSERT_TRUE(chosen.ok());
  ASSERT_EQ(chosen->size(), 2U);
  EXPECT_EQ((*chosen)[1].part.number, 5U);
}

TEST(ChoosePartsTest, RefusesMissingOtherAndUnordered) {
  const auto code = [](std::vector<CompleteUploadChange::RequestedPart> parts) {
    return ChooseParts(parts, StoredParts()).code();
  };
  EXPECT_EQ(code({{.number = 2, .etag = "e0"}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{.number = 9, .etag = "e0"}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{.number = 1, .etag = "e1"}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{.number = 3, .etag = "e1"}, {.number = 1, .etag = "e0"}}),
            Code::kInvalidArgument);
  EXPECT_EQ(code({{.number = 1, .etag = "e0"}, {.number = 1, .etag = "e0"}}),
            Code::kInvalidArgument);
}

TEST(FingerprintTest, DiffersWithAnyPart) {
  const auto a = FingerprintOfParts({{.number = 1, .etag = "aa"}});
  EXPECT_EQ(a, FingerprintOfParts({{.number = 1, .etag = "AA"}}));
  EXPECT_NE(a, FingerprintOfParts({{.number = 2, .etag = "aa"}}));
  EXPECT_NE(a, FingerprintOfParts({{.number = 1, .etag = "ab"}}));
  EXPECT_NE(a, FingerprintOfParts({{.number = 1, .etag = "aa"}, {.number = 2, .etag = "aa"}}));
}

TEST(VersionIdTest, CarriesItsSequence) {
  const std::string id = MakeVersionId(Sequence{77}, 12345);
  EXPECT_EQ(id.size(), 32U);
  EXPECT_EQ(SequenceOfVersionId(id), Sequence{77});
  EXPECT_EQ(SequenceOfVersionId("null"), std::nullopt);
  EXPECT_EQ(SequenceOfVersionId(std::string(32, 'z')), std::nullopt);
}

TEST(CommonPrefixTest, FirstDelimiterBehindThePrefix) {
  EXPECT_EQ(CommonPrefixOf("a/b/c", "", "/"), "a/");
  EXPECT_EQ(CommonPrefixOf("a/b/c", "a/", "/"), "a/b/");
  EXPECT_EQ(CommonPrefixOf("a/b", "a/", "/"), std::nullopt);
  EXPECT_EQ(CommonPrefixOf("a/b", "", ""), std::nullopt);
  EXPECT_EQ(CommonPrefixOf("axxb", "", "xx"), "axx");
  EXPECT_EQ(CommonPrefixOf("/a", "", "/"), "/");
}

}  // namespace
}  // namespace ashlar::metadata_db

#include "histories/judge.h"

#include <gtest/gtest.h>

namespace ashlar::histories {
namespace {

Operation Op(Kind kind, Value value, int64_t invoked, int64_t completed) {
  return {kind, Outcome::kOk, value, kAbsent, invoked, completed, 0};
}

std::vector<Finding> JudgeOne(std::vector<Operation> operations, Value initial = kAbsent) {
  return Judge({{"k", initial, std::move(operations)}});
}

TEST(JudgeTest, AListingIsExplainedByAStateWithinIt) {
  EXPECT_TRUE(
      JudgeOne({Op(Kind::kPut, 1, 0, 10), Op(Kind::kList, 0, 5, 12), Op(Kind::kList, 1, 13, 14)})
          .empty());
  const auto absent = JudgeOne({Op(Kind::kPut, 1, 0, 10), Op(Kind::kList, 0, 11, 12)});
  ASSERT_EQ(absent.size(), 1);
  EXPECT_EQ(absent[0].scope, Scope::kListings);
  const auto deleted = JudgeOne({Op(Kind::kDelete, 0, 0, 10), Op(Kind::kList, 1, 11, 12)}, 1);
  ASSERT_EQ(deleted.size(), 1);
  EXPECT_EQ(deleted[0].scope, Scope::kListings);
}

TEST(JudgeTest, AListingThatRunsAheadOfReadsIsToldApart) {
  const auto findings = JudgeOne(
      {Op(Kind::kPut, 2, 0, 100), Op(Kind::kList, 2, 10, 20), Op(Kind::kGet, 1, 30, 40)}, 1);
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(findings[0].scope, Scope::kAll);
}

TEST(JudgeTest, TheWindowIsTheFewOperationsThatShowIt) {
  std::vector<Operation> operations;
  for (int i = 0; i < 500; ++i) {
    const auto value = static_cast<Value>(i) + 1;
    operations.push_back(Op(Kind::kPut, value, 100 * i, 100 * i + 10));
    // One of them reads what was before.
    const bool stale = i == 300;
    operations.push_back(Op(Kind::kGet, stale ? value - 1 : value, 100 * i + 20, 100 * i + 30));
  }
  const auto findings = JudgeOne(operations);
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(findings[0].scope, Scope::kRequests);
  ASSERT_EQ(findings[0].window.size(), 2) << "the PUT and the read that does not know it";
  EXPECT_EQ(findings[0].window[0].value, 301);
  EXPECT_EQ(findings[0].window[1].value, 300);
}

TEST(JudgeTest, AViolationOfTheInitialStateKeepsItsBeginning) {
  const auto findings = JudgeOne({Op(Kind::kGet, 7, 0, 1), Op(Kind::kPut, 8, 5, 6)});
  ASSERT_EQ(findings.size(), 1);
  ASSERT_EQ(findings[0].window.size(), 1);
  EXPECT_EQ(findings[0].window[0].value, 7);
}

}  // namespace
}  // namespace ashlar::histories

// Status, Result and their macros.
#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace ashlar {
namespace {

TEST(StatusTest, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code < kCodeCount; ++code) names.insert(CodeName(static_cast<Code>(code)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kCodeCount));
  EXPECT_FALSE(names.contains("unknown code"));
  EXPECT_EQ(CodeName(static_cast<Code>(kCodeCount)), "unknown code");
}

TEST(StatusTest, TextForLogs) {
  EXPECT_EQ(Status::Ok().ToString(), "kOk");
  EXPECT_EQ(Status(Code::kNotFound, "no such bucket").ToString(), "kNotFound: no such bucket");
  EXPECT_TRUE(Status().ok());
  EXPECT_FALSE(Status(Code::kCorrupt, "").ok());
}

TEST(ResultTest, ValueOrStatus) {
  Result<int> value = 5;
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, 5);
  EXPECT_EQ(value.code(), Code::kOk);
  Result<int> failure = Status(Code::kIoError, "drive 3");
  EXPECT_FALSE(failure.ok());
  EXPECT_EQ(failure.code(), Code::kIoError);
  EXPECT_EQ(failure.status().message(), "drive 3");
}

TEST(ResultTest, MovesValuesThatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, WrongUseEndsTheProcess) {
  Result<int> failure = Status(Code::kIoError, "drive 3");
  EXPECT_DEATH(static_cast<void>(failure.value()), "");
  EXPECT_DEATH(static_cast<void>(Result<int>(Status::Ok())), "");
}

Result<int> Half(int number) {
  if (number % 2 != 0) return Status(Code::kInvalidArgument, "odd");
  return number / 2;
}
Status Check(int number) {
  RETURN_IF_ERROR(Half(number).status());
  return Status::Ok();
}
Result<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST(StatusMacroTest, LeaveWithTheFirstFailure) {
  EXPECT_TRUE(Check(2).ok());
  EXPECT_EQ(Check(3).code(), Code::kInvalidArgument);
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).code(), Code::kInvalidArgument);
  EXPECT_EQ(Quarter(7).status().message(), "odd");
}

}  // namespace
}  // namespace ashlar

#include "runtime/failpoint.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(FailpointTest, ParsesNamesDetailsActionsAndHits) {
  ASSERT_TRUE(ArmFailpoints("a=error@2;b/drive-03=delay:7;c=corrupt@2+;").ok());
  EXPECT_EQ(Failpoint("a").action, FailpointAction::kNone);
  EXPECT_EQ(Failpoint("a").action, FailpointAction::kError);
  EXPECT_EQ(Failpoint("a").action, FailpointAction::kNone);
  EXPECT_EQ(Failpoint("b", "/x/drive-02/f").action, FailpointAction::kNone);
  const FailpointHit delay = Failpoint("b", "/x/drive-03/f");
  EXPECT_EQ(delay.action, FailpointAction::kDelay);
  EXPECT_EQ(delay.delay_ms, 7);
  EXPECT_EQ(Failpoint("c").action, FailpointAction::kNone);
  EXPECT_EQ(Failpoint("c").action, FailpointAction::kCorrupt);
  EXPECT_EQ(Failpoint("c").action, FailpointAction::kCorrupt);
}

TEST(FailpointTest, ArmingTakesThePlaceOfWhatWasArmed) {
  ASSERT_TRUE(ArmFailpoints("a=error;b=error").ok());
  ASSERT_TRUE(ArmFailpoints("b=corrupt").ok());
  EXPECT_EQ(Failpoint("a").action, FailpointAction::kNone);
  EXPECT_EQ(Failpoint("b").action, FailpointAction::kCorrupt);
  EXPECT_TRUE(failpoints_armed.load());
  ASSERT_TRUE(ArmFailpoints("").ok());
  EXPECT_FALSE(failpoints_armed.load());
  EXPECT_EQ(Failpoint("b").action, FailpointAction::kNone);
  // Nothing of the past comes back, and the count begins again.
  ASSERT_TRUE(ArmFailpoints("b=error@2").ok());
  EXPECT_EQ(Failpoint("b").action, FailpointAction::kNone);
  EXPECT_EQ(Failpoint("b").action, FailpointAction::kError);
  ASSERT_TRUE(ArmFailpoints("").ok());
}

TEST(FailpointTest, RefusesWhatItDoesNotUnderstand) {
  ASSERT_TRUE(ArmFailpoints("a=error").ok());
  for (const char* bad : {"x", "x=jump", "x=delay:soon", "x=error@", "x=error@two", "b=error;x"}) {
    EXPECT_EQ(ArmFailpoints(bad).code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(Failpoint("a").action, FailpointAction::kError) << "what was armed stays";
    EXPECT_EQ(Failpoint("b").action, FailpointAction::kNone) << bad;
  }
  ASSERT_TRUE(ArmFailpoints("").ok());
}

TEST(FailpointDeathTest, CrashLeavesWithoutFlushing) {
  EXPECT_EXIT(
      {
        (void)ArmFailpoints("boom=crash");
        Failpoint("boom", "/x/y");
      },
      testing::ExitedWithCode(137), "failpoint crash boom /x/y");
}

}  // namespace
}  // namespace ashlar

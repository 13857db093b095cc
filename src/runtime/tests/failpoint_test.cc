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

TEST(FailpointTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad : {"x", "x=jump", "x=delay:soon", "x=error@", "x=error@two"}) {
    EXPECT_EQ(ArmFailpoints(bad).code(), Code::kInvalidArgument) << bad;
  }
}

TEST(FailpointDeathTest, CrashLeavesWithoutFlushing) {
  EXPECT_EXIT(
      {
        (void)ArmFailpoints("boom=crash");
        Failpoint("boom");
      },
      testing::ExitedWithCode(137), "");
}

}  // namespace
}  // namespace ashlar

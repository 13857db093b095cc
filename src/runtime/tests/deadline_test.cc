#include "runtime/deadline.h"

#include <gtest/gtest.h>

#include <vector>

#include "runtime/event_loop.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace ashlar {
namespace {

using std::chrono::milliseconds;

class Noting final : public Deadline {
 public:
  Noting(int name, std::vector<int>* expired) : name_(name), expired_(expired) {}

 private:
  void Expire() override { expired_->push_back(name_); }
  const int name_;
  std::vector<int>* const expired_;
};

Task<void> Pause(milliseconds delay) {
  Sleep pause(delay);
  co_await pause;
}

Task<void> ExpireInOrder(std::vector<int>* expired) {
  Noting late(3, expired);
  Noting early(1, expired);
  Noting middle(2, expired);
  late.Arm(milliseconds(30));
  early.Arm(milliseconds(5));  // overtakes the timer of the first
  middle.Arm(milliseconds(15));
  co_await Pause(milliseconds(120));
}

TEST(Deadline, ExpiresInTheOrderOfTime) {
  std::vector<int> expired;
  EventLoopGroup loops(1);
  loops.RunToCompletion(ExpireInOrder(&expired));
  EXPECT_EQ(expired, (std::vector<int>{1, 2, 3}));
}

Task<void> DisarmSome(std::vector<int>* expired) {
  Noting kept(1, expired);
  Noting disarmed(2, expired);
  {
    Noting gone(3, expired);
    gone.Arm(milliseconds(5));
  }
  disarmed.Arm(milliseconds(5));
  kept.Arm(milliseconds(40));
  disarmed.Disarm();
  disarmed.Disarm();
  co_await Pause(milliseconds(20));
  EXPECT_TRUE(expired->empty());
  co_await Pause(milliseconds(100));
  kept.Arm(milliseconds(5));  // again, after it expired
  co_await Pause(milliseconds(60));
}

TEST(Deadline, DisarmedOnesNeverExpireAndTheOthersStillDo) {
  std::vector<int> expired;
  EventLoopGroup loops(1);
  loops.RunToCompletion(DisarmSome(&expired));
  EXPECT_EQ(expired, (std::vector<int>{1, 1}));
}

}  // namespace
}  // namespace ashlar

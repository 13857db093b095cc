#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/event_loop.h"
#include "runtime/sync.h"

namespace ashlar {
namespace {

Task<int> Ready(int value) { co_return value; }

Task<int> Sum(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await Ready(i % 3);
  co_return sum;
}

TEST(TaskTest, LongLoopOverReadyChildrenDoesNotGrowTheStack) {
  EventLoopGroup group(1);
  EXPECT_EQ(RunBlocking(group, Sum(300'000)), 300'000);
}

Task<int> Hop(EventLoopGroup* group, int hops) {
  for (int i = 0; i < hops; ++i) {
    Executor& target = group->loop(static_cast<size_t>(i) % group->size());
    SwitchTo there(target);
    co_await there;
    EXPECT_EQ(Executor::Current(), &target);
  }
  co_return hops;
}

Task<int> Parent(EventLoopGroup* group) {
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(Hop(group, 100));
  int sum = 0;
  for (const int hops : co_await WhenAll(std::move(tasks))) sum += hops;
  co_return sum;
}

TEST(TaskTest, WhenAllJoinsTasksThatMoveBetweenLoops) {
  EventLoopGroup group(2);
  EXPECT_EQ(RunBlocking(group, Parent(&group)), 5000);
}

Task<int> AwaitShot(OneShot<int>* shot) { co_return co_await *shot; }

TEST(OneShotTest, SetFromAnotherThreadWakesTheWaiterOnItsLoop) {
  EventLoopGroup group(1);
  for (int i = 0; i < 2000; ++i) {
    OneShot<int> shot;
    std::thread setter([&] { shot.Set(i); });
    EXPECT_EQ(RunBlocking(group, AwaitShot(&shot)), i);
    setter.join();
  }
}

Task<void> Count(std::atomic<int>* count) {
  Sleep sleep(std::chrono::milliseconds(1));
  co_await sleep;
  count->fetch_add(1);
}

Task<Unit> SpawnAndJoin(EventLoopGroup* group, std::atomic<int>* count) {
  TaskScope scope;
  for (int i = 0; i < 100; ++i) scope.Spawn(group->Next(), Count(count));
  co_await scope.Join();
  co_return Unit{};
}

TEST(TaskScopeTest, JoinWaitsForEverything) {
  EventLoopGroup group(2);
  std::atomic<int> count{0};
  RunBlocking(group, SpawnAndJoin(&group, &count));
  EXPECT_EQ(count.load(), 100);
}

}  // namespace
}  // namespace ashlar

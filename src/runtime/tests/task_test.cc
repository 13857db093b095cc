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

// Under sanitizers frames come from the heap, which may or may not give the same address again.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(FramePoolTest, FramesAreReusedOnTheirThreadAndBounded) {
  void* const first = internal::AllocateFrame(1000);
  internal::FreeFrame(first, 1000);
  void* const again = internal::AllocateFrame(1020);  // of the same class
  EXPECT_EQ(again, first);
  // Freed on another thread it stays there, and goes with that thread.
  std::thread([again] { internal::FreeFrame(again, 1020); }).join();
  std::vector<void*> many(3 * internal::kFramesKeptBytes / 1024);
  for (void*& frame : many) frame = internal::AllocateFrame(1024);
  for (void* frame : many) internal::FreeFrame(frame, 1024);
  // The last ones freed went to the heap: what is kept are the first ones.
  const size_t kept = internal::kFramesKeptBytes / 1024;
  for (size_t i = kept; i-- > 0;) EXPECT_EQ(internal::AllocateFrame(1024), many[i]);
  for (size_t i = 0; i < kept; ++i) internal::FreeFrame(many[i], 1024);
}
#endif

}  // namespace
}  // namespace ashlar

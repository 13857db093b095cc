#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/clock.h"
#include "runtime/disk/blocking_pool.h"
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

// CPUs on which the calling thread may run.
std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

Task<std::vector<int>> CpusOf(Executor* loop) {
  SwitchTo there(*loop);
  co_await there;
  co_return AllowedCpus();
}

TEST(EventLoopTest, OneLoopForEachCpuStaysThere) {
  const std::vector<int> all = AllowedCpus();
  EventLoopGroup group(0);
  ASSERT_EQ(group.size(), all.size());
  for (size_t i = 0; i < group.size(); ++i) {
    EXPECT_EQ(RunBlocking(group, CpusOf(&group.loop(i))), std::vector{all[i]});
  }
  EXPECT_EQ(AllowedCpus(), all);
}

TEST(EventLoopTest, LoopsInAnotherNumberRunAnywhere) {
  EventLoopGroup group(3);
  EXPECT_EQ(RunBlocking(group, CpusOf(&group.loop(1))), AllowedCpus());
}

Task<std::vector<int>> CpusOfTheBlockingPool() {
  std::vector<int> cpus;
  auto call = BlockingPool::Shared().Run([&cpus] { cpus = AllowedCpus(); });
  co_await call;
  co_return cpus;
}

TEST(EventLoopTest, ThreadsThatALoopStartsRunAnywhere) {
  EventLoopGroup group(0);
  EXPECT_EQ(RunBlocking(group, CpusOfTheBlockingPool()), AllowedCpus());
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

TEST(RandomTest, GivesNothingTwice) {
  std::mutex mutex;
  std::set<std::string> given;
  const auto draw = [&] {
    for (const size_t size : {8U, 10U, 16U, 17U, 64U}) {
      for (int i = 0; i < 1000; ++i) {
        std::string bytes(size, '\0');
        SystemRandom().Fill({reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(given.insert(bytes.substr(0, 8)).second);
      }
    }
  };
  std::thread other(draw);
  draw();
  other.join();
}

}  // namespace
}  // namespace ashlar

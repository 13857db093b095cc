#include "runtime/buffer_pool.h"

#include <gtest/gtest.h>

#include "runtime/event_loop.h"

namespace ashlar {
namespace {

constexpr auto kShort = std::chrono::milliseconds(20);

Task<Status> TakeTwice(BufferPool* pool, size_t size) {
  CO_ASSIGN_OR_RETURN(PooledBuffer first, co_await pool->Acquire(size, kShort));
  CO_ASSIGN_OR_RETURN(PooledBuffer second, co_await pool->Acquire(size, kShort));
  co_return Status::Ok();
}

TEST(BufferPoolTest, RefusesBeyondTheBudgetAndRecovers) {
  EventLoopGroup group(1);
  BufferPool pool(128 * 1024);
  EXPECT_EQ(RunBlocking(group, TakeTwice(&pool, 100 * 1024)).code(), Code::kOverloaded);
  EXPECT_TRUE(RunBlocking(group, TakeTwice(&pool, 64 * 1024)).ok());
  EXPECT_EQ(pool.bytes_lent(), 0U);
}

TEST(BufferPoolTest, RefusesAtOnceWhatCanNeverFit) {
  EventLoopGroup group(1);
  BufferPool pool(64 * 1024);
  EXPECT_EQ(RunBlocking(group, TakeTwice(&pool, 65 * 1024)).code(), Code::kOverloaded);
}

Task<Status> HoldBriefly(BufferPool* pool) {
  for (int i = 0; i < 50; ++i) {
    CO_ASSIGN_OR_RETURN(PooledBuffer buffer,
                        co_await pool->Acquire(16 * 1024, std::chrono::seconds(20)));
    buffer.data()[0] = 1;
    Yield yield;
    co_await yield;
  }
  co_return Status::Ok();
}

Task<Status> HoldOn(Executor* executor, BufferPool* pool) {
  SwitchTo there(*executor);
  co_await there;
  co_return co_await HoldBriefly(pool);
}

Task<Status> Crowd(EventLoopGroup* group, BufferPool* pool) {
  std::vector<Task<Status>> tasks;
  for (int i = 0; i < 40; ++i) tasks.push_back(HoldOn(&group->Next(), pool));
  for (const Status& status : co_await WhenAll(std::move(tasks))) CO_RETURN_IF_ERROR(status);
  co_return Status::Ok();
}

TEST(BufferPoolTest, WaitersAreServedInTurnAcrossLoops) {
  EventLoopGroup group(2);
  BufferPool pool(3 * 16 * 1024);
  EXPECT_TRUE(RunBlocking(group, Crowd(&group, &pool)).ok());
  EXPECT_EQ(pool.bytes_lent(), 0U);
}

}  // namespace
}  // namespace ashlar

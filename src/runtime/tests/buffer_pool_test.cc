#include "runtime/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

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

// Takes `count` at once, writes to each byte and gives all back.
Task<Status> TakeMany(BufferPool* pool, size_t size, size_t count) {
  std::vector<PooledBuffer> buffers;
  while (buffers.size() < count) {
    CO_ASSIGN_OR_RETURN(PooledBuffer buffer, co_await pool->Acquire(size, kShort));
    std::fill_n(buffer.data(), buffer.size(), static_cast<uint8_t>(buffers.size()));
    buffers.push_back(std::move(buffer));
  }
  for (size_t i = 0; i < count; ++i) {
    for (const size_t at : {size_t{0}, size - 1}) EXPECT_EQ(buffers[i].data()[at], i);
  }
  co_return Status::Ok();
}

TEST(BufferPoolTest, LargeBlocksOfOneSizeMakeRoomForThoseOfAnother) {
  EventLoopGroup group(1);
  constexpr size_t kKiB = 1024;
  BufferPool pool(4096 * kKiB);
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(RunBlocking(group, TakeMany(&pool, 896 * kKiB, 4)).ok());
    EXPECT_EQ(RunBlocking(group, TakeMany(&pool, 896 * kKiB, 5)).code(), Code::kOverloaded);
    EXPECT_TRUE(RunBlocking(group, TakeMany(&pool, 640 * kKiB, 6)).ok());
    EXPECT_TRUE(RunBlocking(group, TakeMany(&pool, 16 * kKiB, 256)).ok());
    EXPECT_EQ(pool.bytes_lent(), 0U);
  }
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

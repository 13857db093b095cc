#include "cluster/pacing/byte_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "runtime/sim_executor.h"

namespace ashlar::cluster {
namespace {

// What everybody holds together, and the most that it ever was.
struct Use {
  uint64_t held = 0;
  uint64_t most = 0;
  int running = 0;
  int running_most = 0;
  std::vector<int> order;
};

Task<Status> WorkWith(ByteShare* share, Use* use, int number, uint64_t bytes) {
  const ByteShare::Hold hold = co_await share->Take(bytes);
  use->order.push_back(number);
  use->held += bytes;
  use->most = std::max(use->most, use->held);
  use->running_most = std::max(use->running_most, ++use->running);
  Sleep pause(std::chrono::milliseconds(1 + number % 3));
  co_await pause;
  use->held -= bytes;
  --use->running;
  co_return Status::Ok();
}

Task<Status> AllOf(ByteShare* share, Use* use, std::vector<uint64_t> sizes) {
  std::vector<Task<Status>> tasks;
  for (size_t i = 0; i < sizes.size(); ++i) {
    tasks.push_back(WorkWith(share, use, static_cast<int>(i), sizes[i]));
  }
  for (const Status& status : co_await WhenAll(std::move(tasks))) CO_RETURN_IF_ERROR(status);
  co_return Status::Ok();
}

TEST(ByteShareTest, IsUsedButNeverExceeded) {
  SimExecutor executor(1);
  ByteShare share(100);
  Use use;
  ASSERT_TRUE(executor.Run(AllOf(&share, &use, {60, 60, 40, 10, 100, 30, 30, 30, 30})).ok());
  EXPECT_LE(use.most, 100U);
  EXPECT_EQ(use.running_most, 3);
  EXPECT_EQ(use.order.size(), 9U);
}

// Small ones that would fit do not overtake a large one that waits.
TEST(ByteShareTest, ServesInTurn) {
  SimExecutor executor(1);
  ByteShare share(100);
  Use use;
  ASSERT_TRUE(executor.Run(AllOf(&share, &use, {60, 100, 10, 95, 51, 60})).ok());
  EXPECT_EQ(use.order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(ByteShareTest, WhatIsLargerThanTheShareRunsAlone) {
  SimExecutor executor(1);
  ByteShare share(100);
  Use use;
  ASSERT_TRUE(executor.Run(AllOf(&share, &use, {500, 500, 1})).ok());
  EXPECT_EQ(use.most, 500U);
}

}  // namespace
}  // namespace ashlar::cluster

// Drives that are missing, corrupt, slow or failing, alone and mixed.
#include <chrono>

#include "model/shard_record.h"
#include "object_service/tests/store_fixture.h"

namespace ashlar::object_service {
namespace {

using DegradedTest = StoreFixture;

TEST_F(DegradedTest, FourLostDrivesOfAnyKindStillGiveEveryByte) {
  const std::vector<size_t> sizes = {1, 5000, 100'000, 700'000, 2'500'000};
  for (const size_t size : sizes) {
    ASSERT_TRUE(Put(std::to_string(size), RandomBytes(size, size)).ok());
  }
  for (size_t first = 0; first < 14; first += 3) {
    stores_[first]->offline = true;
    stores_[(first + 1) % 14]->corrupt = true;
    stores_[(first + 2) % 14]->slow_ms = 300;
    stores_[(first + 5) % 14]->corrupt = true;
    for (const size_t size : sizes) {
      const auto back = Get(std::to_string(size));
      ASSERT_TRUE(back.ok()) << size << " " << back.status().ToString();
      EXPECT_TRUE(*back == RandomBytes(size, size)) << size;
      const auto range = Get(std::to_string(size), size / 3, size / 2);
      ASSERT_TRUE(range.ok());
      EXPECT_TRUE(*range == RandomBytes(size, size).substr(size / 3, size / 2)) << size;
    }
    for (auto& store : stores_) {
      store->offline = false;
      store->corrupt = false;
      store->slow_ms = 0;
    }
  }
  EXPECT_GT(RepairCount(), 0U) << "damage met by reads is recorded for healing";
}

TEST_F(DegradedTest, FiveLostDrivesGiveAClearErrorAndChangeNothing) {
  ASSERT_TRUE(Put("key", RandomBytes(1'000'000, 1)).ok());
  for (size_t i = 0; i < 5; ++i) stores_[i]->offline = true;
  EXPECT_EQ(Get("key").code(), Code::kUnavailable);
  EXPECT_EQ(ReclaimCount(), 0U);
  stores_[2]->offline = false;
  const auto back = Get("key");
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == RandomBytes(1'000'000, 1));
}

TEST_F(DegradedTest, WritesGoOnWithTwoDrivesGoneAndAreNotedForRepair) {
  stores_[3]->offline = true;
  stores_[11]->offline = true;
  for (const size_t size : {2000UL, 900'000UL}) {
    const auto version = Put(std::to_string(size), RandomBytes(size, size));
    ASSERT_TRUE(version.ok()) << version.status().ToString();
  }
  EXPECT_EQ(RepairCount(), 4U);
  // What was not written has its root in the row all the same: healing makes it by that.
  const auto large = Run(service_->FindVersion(bucket_, "900000", std::nullopt));
  ASSERT_TRUE(large.ok());
  const ExtentId id = (*large)->parts.at(0).slices.at(0).extent;
  const auto extent = Run(metadata_->GetExtent(id));
  ASSERT_TRUE(extent.ok());
  for (const Sha256Digest& root : (*extent)->roots) {
    EXPECT_NE(root, model::ShardRoot({}));
  }
  // Two more may be lost afterwards.
  stores_[0]->offline = true;
  stores_[13]->corrupt = true;
  for (const size_t size : {2000UL, 900'000UL}) {
    const auto back = Get(std::to_string(size));
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_TRUE(*back == RandomBytes(size, size));
  }
}

TEST_F(DegradedTest, ReadinessNamesDrivesThatWritesCanDoWithout) {
  EXPECT_EQ(Run(service_->Probe()).message(), "");
  stores_[2]->offline = true;
  const Status degraded = Run(service_->Probe());
  EXPECT_TRUE(degraded.ok());
  EXPECT_EQ(degraded.message(), "drive 3: the drive is gone");
}

TEST_F(DegradedTest, WithThreeDrivesGoneWritesAreRefused) {
  for (size_t i = 4; i < 7; ++i) stores_[i]->offline = true;
  for (const size_t size : {2000UL, 900'000UL}) {
    EXPECT_EQ(Put("refused", RandomBytes(size, 1)).code(), Code::kUnavailable);
  }
  EXPECT_EQ(Get("refused").code(), Code::kNotFound);
  EXPECT_EQ(Run(service_->Probe()).code(), Code::kUnavailable);
}

TEST_F(DegradedTest, DrivesThatFailInTheMiddleOfAWriteAreGivenUp) {
  stores_[1]->writes_before_failure = 1;
  stores_[8]->writes_before_failure = 2;
  const std::string bytes = RandomBytes(5'000'000, 9);
  ASSERT_TRUE(Put("key", bytes).ok());
  EXPECT_EQ(RepairCount(), 2U);
  const auto back = Get("key");
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == bytes);
}

TEST_F(DegradedTest, ShardsOnADriveThatWasReplacedMeanwhileAreNotedForRepair) {
  ASSERT_TRUE(Put("before", RandomBytes(2000, 1)).ok());
  for (const size_t size : {2000UL, 2'500'000UL}) {
    const size_t before = RepairCount();
    int exchanged = 0;
    for (const size_t drive : {5U, 8U}) {
      stores_[drive]->after_write = [&, drive]() -> Task<void> {
        ++exchanged;
        EXPECT_TRUE(
            (co_await metadata_->NoteDriveExchanged(DriveId{static_cast<uint16_t>(drive)})).ok());
      };
    }
    ASSERT_TRUE(Put(std::to_string(size), RandomBytes(size, size)).ok());
    for (auto& store : stores_) store->after_write = nullptr;
    EXPECT_EQ(exchanged, 2);
    EXPECT_EQ(RepairCount(), before + 2) << size;
  }
  ASSERT_TRUE(Put("after", RandomBytes(2000, 2)).ok());
  EXPECT_EQ(RepairCount(), 4U) << "what began later went to the new drives";
}

TEST_F(DegradedTest, ASlowDriveDoesNotSlowTheReadDown) {
  const std::string bytes = RandomBytes(600'000, 5);
  ASSERT_TRUE(Put("key", bytes).ok());
  stores_[6]->slow_ms = 3000;
  const auto before = std::chrono::steady_clock::now();
  const auto back = Get("key");
  const auto took = std::chrono::steady_clock::now() - before;
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == bytes);
  EXPECT_LT(took, std::chrono::milliseconds(1500));
}

TEST_F(DegradedTest, AHealthyReadTouchesOnlyWhatItNeeds) {
  ASSERT_TRUE(Put("key", RandomBytes(2'000'000, 5)).ok());
  for (auto& store : stores_) store->reads = 0;
  ASSERT_TRUE(Get("key", 70'000, 1000).ok());
  int reads = 0;
  for (auto& store : stores_) reads += store->reads;
  EXPECT_EQ(reads, 1);
}

class SmallCodeTest : public StoreFixture {
 protected:
  erasure_encoder::Code code() const override { return {2, 1}; }
};

TEST_F(SmallCodeTest, TwoPlusOneKeepsDataOverOneLoss) {
  for (const size_t size : {1UL, 60'000UL, 128'000UL, 131'072UL, 1'000'000UL}) {
    ASSERT_TRUE(Put(std::to_string(size), RandomBytes(size, size)).ok());
    for (auto& store : stores_) {
      store->offline = true;
      const auto back = Get(std::to_string(size));
      ASSERT_TRUE(back.ok()) << size << " " << back.status().ToString();
      EXPECT_TRUE(*back == RandomBytes(size, size));
      store->offline = false;
    }
  }
  stores_[0]->offline = true;
  EXPECT_EQ(Put("refused", "x").code(), Code::kUnavailable);
}

}  // namespace
}  // namespace ashlar::object_service

// Shards that wait for a sync of others: when they cause one, when not, and how they fail.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "chunk_server/tests/sim_world.h"

namespace ashlar::chunk_server {
namespace {

// Writers of one volume on simulated time.
class PatienceTest : public testing::Test {
 protected:
  using Written = std::optional<Result<model::ShardLocation>>;
  static constexpr Duration kPatience = std::chrono::milliseconds(250);

  PatienceTest() {
    world_.options.volume_bytes = 4 << 20;
    world_.Open();
    syncs_before_ = world_.disk->syncs();
  }
  TestShard PatientShard(uint64_t seed, uint64_t body_bytes = 500) const {
    TestShard shard = MakeShard(seed, body_bytes);
    shard.spec.patience = kPatience;
    return shard;
  }
  void Start(const TestShard& shard, Written* written) {
    world_.executor.Start(world_.store->WriteShard(shard.spec, shard.body, shard.leaves), written);
  }
  void RunFor(Duration duration) {
    std::optional<Status> over;
    world_.executor.Start(Pause(duration), &over);
    while (!over.has_value()) CHECK(world_.executor.Step());
  }
  uint64_t syncs() const { return world_.disk->syncs() - syncs_before_; }

  SimWorld world_;

 private:
  static Task<Status> Pause(Duration duration) {
    Sleep pause(duration);
    co_await pause;
    co_return Status::Ok();
  }
  uint64_t syncs_before_ = 0;
};

TEST_F(PatienceTest, AloneItIsDurableWhenItIsOver) {
  const TestShard shard = PatientShard(1);
  Written written;
  Start(shard, &written);
  RunFor(kPatience - std::chrono::milliseconds(1));
  EXPECT_FALSE(written.has_value());
  EXPECT_EQ(syncs(), 0u);
  RunFor(std::chrono::milliseconds(2));
  ASSERT_TRUE(written.has_value() && written->ok());
  EXPECT_EQ(syncs(), 1u);
  world_.LosePower();
  world_.Open();
  EXPECT_TRUE(world_.Read(shard, **written).ok());
}

TEST_F(PatienceTest, WithCompanyItCausesNoSync) {
  std::vector<TestShard> shards;
  for (uint64_t seed = 1; seed <= 3; ++seed) shards.push_back(PatientShard(seed));
  std::vector<Written> written(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) Start(shards[i], &written[i]);
  Written in_pieces;
  const TestShard large = PatientShard(4, 200'000);
  world_.executor.Start(WriteInPieces(*world_.store, large, 64 * 1024), &in_pieces);
  RunFor(std::chrono::milliseconds(100));
  EXPECT_EQ(syncs(), 0u);
  ASSERT_TRUE(world_.Write(MakeShard(5, 500)).ok());
  EXPECT_EQ(syncs(), 1u);
  RunFor(std::chrono::milliseconds(1));
  world_.LosePower();
  world_.Open();
  for (size_t i = 0; i < shards.size(); ++i) {
    ASSERT_TRUE(written[i].has_value() && written[i]->ok());
    EXPECT_TRUE(world_.Read(shards[i], **written[i]).ok());
  }
  ASSERT_TRUE(in_pieces.has_value() && in_pieces->ok());
  EXPECT_TRUE(world_.Read(large, **in_pieces).ok());
}

// A sync that is under way may have begun before the write.
TEST_F(PatienceTest, ASyncThatIsUnderWayIsNoCompany) {
  world_.disk->options().delay_nanoseconds_max = 1'000'000;
  for (uint64_t seed = 1; seed < 60; seed += 2) {
    Written hasty;
    Written patient;
    const TestShard shard = PatientShard(seed + 1);
    const TestShard first = MakeShard(seed, 500);
    Start(first, &hasty);
    for (uint64_t step = 0; step < seed; ++step) (void)world_.executor.Step();
    Start(shard, &patient);
    while (!patient.has_value()) CHECK(world_.executor.Step());
    ASSERT_TRUE(patient->ok());
    world_.LosePower();
    world_.Open();
    EXPECT_TRUE(world_.Read(shard, **patient).ok()) << seed;
  }
}

TEST_F(PatienceTest, AFailureOfTheVolumeEndsItAtOnce) {
  for (const SimDisk::Operation operation :
       {SimDisk::Operation::kSync, SimDisk::Operation::kWrite}) {
    world_.disk->fault = nullptr;
    const TestShard shard = PatientShard(1);
    Written patient;
    Start(shard, &patient);
    RunFor(std::chrono::milliseconds(10));
    world_.disk->fault = [operation](SimDisk::Operation now, const std::string&) {
      return now == operation ? Status(Code::kIoError, "injected") : Status::Ok();
    };
    EXPECT_EQ(world_.Write(MakeShard(2, 500)).code(), Code::kIoError);
    RunFor(std::chrono::milliseconds(1));
    ASSERT_TRUE(patient.has_value()) << "it waits for a volume that is given up";
    EXPECT_EQ(patient->code(), Code::kIoError);
  }
  world_.disk->fault = nullptr;
}

TEST_F(PatienceTest, AFailureOfItsOwnSyncIsAnswered) {
  const TestShard shard = PatientShard(1);
  Written patient;
  Start(shard, &patient);
  RunFor(std::chrono::milliseconds(10));
  world_.disk->fault = [](SimDisk::Operation now, const std::string&) {
    return now == SimDisk::Operation::kSync ? Status(Code::kIoError, "injected") : Status::Ok();
  };
  RunFor(kPatience);
  ASSERT_TRUE(patient.has_value());
  EXPECT_EQ(patient->code(), Code::kIoError);
}

}  // namespace
}  // namespace ashlar::chunk_server

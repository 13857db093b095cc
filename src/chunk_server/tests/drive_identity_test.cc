// Identity file and what may lie at a drive's path.
#include <gtest/gtest.h>

#include "base/log.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/tests/sim_world.h"

namespace ashlar::chunk_server {
namespace {

std::vector<uint8_t> Bytes(const std::string& text) { return {text.begin(), text.end()}; }

class DriveIdentityTest : public testing::Test {
 protected:
  DrivePathReport Inspect() { return executor_.Run(InspectDrivePath(disk_, kDrivePath)).value(); }
  Status Initialize() { return executor_.Run(InitializeDrive(disk_, kDrivePath, TestIdentity())); }
  const std::string identity_path_ = std::string(kDrivePath) + "/" + kIdentityFileName;
  SimExecutor executor_;
  SimDisk disk_{executor_, 1};
};

TEST_F(DriveIdentityTest, RoundTrip) {
  const Result<DriveIdentity> decoded = DecodeIdentity(EncodeIdentity(TestIdentity()));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->drive_uuid, TestIdentity().drive_uuid);
  EXPECT_EQ(decoded->cluster_id, TestIdentity().cluster_id);
  EXPECT_EQ(decoded->drive, TestIdentity().drive);
}

TEST_F(DriveIdentityTest, FormatIsPinned) {
  EXPECT_EQ(EncodeIdentity(TestIdentity()),
            "{\n"
            "  \"format\": \"ashlar-drive\",\n"
            "  \"version\": 1,\n"
            "  \"cluster_id\": \"c0c1c2c3c4c5c6c7c8c9cacbcccdcecf\",\n"
            "  \"drive_uuid\": \"303132333435363738393a3b3c3d3e3f\",\n"
            "  \"drive\": 7,\n"
            "  \"crc32c\": \"b5ad199b\"\n"
            "}\n");
}

// A flipped bit never makes another drive of it.
TEST_F(DriveIdentityTest, EveryBit) {
  const std::string text = EncodeIdentity(TestIdentity());
  for (size_t byte = 0; byte < text.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      const Result<DriveIdentity> decoded = DecodeIdentity(damaged);
      if (!decoded.ok()) continue;
      EXPECT_EQ(decoded->drive_uuid, TestIdentity().drive_uuid);
      EXPECT_EQ(decoded->cluster_id, TestIdentity().cluster_id);
      EXPECT_EQ(decoded->drive, TestIdentity().drive);
    }
  }
  for (size_t size = 0; size + 2 < text.size(); ++size) {
    EXPECT_FALSE(DecodeIdentity(text.substr(0, size)).ok()) << size;
  }
}

TEST_F(DriveIdentityTest, StrangeJson) {
  for (const char* text : {"", "null", "[]", "7", "{}", "{\"format\":\"ashlar-drive\"}", "\xff\xfe",
                           "{\"format\":1,\"version\":\"1\"}",
                           "{\"format\":\"ashlar-drive\",\"version\":1,\"cluster_id\":7}"}) {
    EXPECT_FALSE(DecodeIdentity(text).ok()) << text;
  }
}

TEST_F(DriveIdentityTest, MissingThenMade) {
  EXPECT_EQ(Inspect().state, DrivePathState::kMissing);
  ASSERT_TRUE(Initialize().ok());
  const DrivePathReport report = Inspect();
  EXPECT_EQ(report.state, DrivePathState::kIdentified);
  EXPECT_EQ(report.identity.drive_uuid, TestIdentity().drive_uuid);
  EXPECT_EQ(Initialize().code(), Code::kAlreadyExists);
}

TEST_F(DriveIdentityTest, EmptyFolders) {
  ASSERT_TRUE(executor_.Run(disk_.CreateDirectory(std::string(kDrivePath) + "/lost+found")).ok());
  EXPECT_EQ(Inspect().state, DrivePathState::kEmpty);
  // Cut short while it was made.
  ASSERT_TRUE(executor_.Run(disk_.CreateDirectory(std::string(kDrivePath) + "/volumes")).ok());
  disk_.PutFile(std::string(kDrivePath) + "/." + kIdentityFileName + ".new", Bytes("{"));
  EXPECT_EQ(Inspect().state, DrivePathState::kEmpty);
  EXPECT_TRUE(Initialize().ok());
}

TEST_F(DriveIdentityTest, ForeignFolders) {
  disk_.PutFile(std::string(kDrivePath) + "/holiday.jpg", Bytes("jpg"));
  EXPECT_EQ(Inspect().state, DrivePathState::kForeign);
  EXPECT_EQ(Initialize().code(), Code::kAlreadyExists);
}

TEST_F(DriveIdentityTest, VolumesWithoutIdentityAreNotEmpty) {
  ASSERT_TRUE(Initialize().ok());
  disk_.RemoveTree(identity_path_);
  disk_.PutFile(std::string(kDrivePath) + "/volumes/volume-00000001.ashlar", Bytes("data"));
  EXPECT_EQ(Inspect().state, DrivePathState::kForeign);
  EXPECT_EQ(Initialize().code(), Code::kAlreadyExists);
}

TEST_F(DriveIdentityTest, DamagedIdentityIsForeign) {
  disk_.PutFile(identity_path_, Bytes("not json"));
  EXPECT_EQ(Inspect().state, DrivePathState::kForeign);
  EXPECT_NE(Inspect().detail, "");
}

TEST_F(DriveIdentityTest, StoreRefusesMissingEmptyAndForeignPaths) {
  spdlog::set_level(spdlog::level::off);
  const auto open = [&] {
    return executor_.Run(OpenLocalChunkStore(disk_, executor_, TestOptions(kDrivePath))).value();
  };
  const TestShard shard = MakeShard(1, 100);
  const auto refuses = [&](const char* what) {
    const std::unique_ptr<ChunkStore> store = open();
    EXPECT_EQ(store->GetStatus().state, DriveState::kOffline) << what;
    EXPECT_NE(store->GetStatus().reason, "") << what;
    EXPECT_EQ(executor_.Run(store->WriteShard(shard.spec, shard.body, shard.leaves)).code(),
              Code::kUnavailable);
    EXPECT_EQ(executor_.Run(store->Probe()).code(), Code::kUnavailable) << what;
    executor_.Run(store->Close());
  };
  refuses("missing");
  ASSERT_TRUE(executor_.Run(disk_.CreateDirectory(kDrivePath)).ok());
  refuses("empty");
  EXPECT_TRUE(disk_.Files().empty());  // and nothing was written there
  DriveIdentity other = TestIdentity();
  other.drive.value = 8;
  ASSERT_TRUE(executor_.Run(InitializeDrive(disk_, kDrivePath, other)).ok());
  refuses("another drive");
  EXPECT_EQ(disk_.Files().size(), 1u);
  spdlog::set_level(spdlog::level::info);
}

}  // namespace
}  // namespace ashlar::chunk_server

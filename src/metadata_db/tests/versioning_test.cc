#include <random>

#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class VersioningTest : public MetadataDbTest {
 protected:
  // "id kind latest" of all versions of the bucket, in order; ids shortened to their number.
  std::vector<VersionEntry> Versions(BucketId bucket) {
    ListVersionsRequest request;
    request.bucket = bucket;
    request.max_entries = 10'000;
    auto page = Run(db_->ListVersions(request));
    CHECK(page.ok());
    return page->versions;
  }
};
INSTANTIATE_ENGINES(VersioningTest);

TEST_P(VersioningTest, EnabledKeepsEveryVersion) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  const auto one = PutOne(bucket, "k", 1, {}, "1");
  const auto two = PutOne(bucket, "k", 2, {}, "2");
  EXPECT_EQ((*one)->version_id.size(), 32U);
  EXPECT_NE((*one)->version_id, (*two)->version_id);
  EXPECT_EQ((*Current(bucket, "k"))->version_id, (*two)->version_id);
  EXPECT_EQ((*Get(bucket, "k", (*one)->version_id))->size, 1U);
  const auto versions = Versions(bucket);
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].version.version_id, (*two)->version_id);
  EXPECT_TRUE(versions[0].is_latest);
  EXPECT_FALSE(versions[1].is_latest);
}

TEST_P(VersioningTest, ADeleteMarkerHidesAndGoesAgain) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  const auto one = PutOne(bucket, "k");
  const auto marker = Delete(bucket, "k");
  ASSERT_TRUE(marker.ok());
  EXPECT_TRUE(marker->created_delete_marker);
  EXPECT_EQ(observer_.current.at("k"), nullptr);
  EXPECT_EQ(Current(bucket, "k").code(), Code::kNotFound);
  EXPECT_EQ((*Get(bucket, "k", marker->version_id))->kind, model::ObjectKind::kDeleteMarker);
  EXPECT_TRUE(Get(bucket, "k", (*one)->version_id).ok());
  const auto second = Delete(bucket, "k");
  EXPECT_TRUE(second->created_delete_marker);
  EXPECT_EQ(Versions(bucket).size(), 3U);
  // Taking the upper marker away shows the lower one; taking that away shows the object.
  EXPECT_TRUE(Delete(bucket, "k", second->version_id)->deleted_delete_marker);
  EXPECT_EQ(Current(bucket, "k").code(), Code::kNotFound);
  EXPECT_TRUE(Delete(bucket, "k", marker->version_id)->deleted_delete_marker);
  EXPECT_EQ((*Current(bucket, "k"))->version_id, (*one)->version_id);
  EXPECT_EQ(observer_.current.at("k")->version_id, (*one)->version_id);
}

TEST_P(VersioningTest, DeletingTheLatestVersionShowsTheOneBelow) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  model::Extent extent;
  const auto one = PutOne(bucket, "k", 1);
  const auto two = PutOne(bucket, "k", 2, {}, "", &extent);
  EXPECT_TRUE(Delete(bucket, "k", (*two)->version_id)->existed);
  EXPECT_EQ((*Current(bucket, "k"))->version_id, (*one)->version_id);
  EXPECT_EQ(observer_.current.at("k")->version_id, (*one)->version_id);
  EXPECT_TRUE(IsReclaimed(extent));
  EXPECT_FALSE(Delete(bucket, "k", (*two)->version_id)->existed);
}

TEST_P(VersioningTest, TheObjectFromBeforeIsTheNullVersion) {
  const BucketId bucket = MakeBucket();
  (void)PutOne(bucket, "k", 1);
  SetVersioning(model::Versioning::kEnabled);
  const auto two = PutOne(bucket, "k", 2);
  EXPECT_EQ((*Get(bucket, "k", "null"))->size, 1U);
  EXPECT_EQ((*Current(bucket, "k"))->size, 2U);
  EXPECT_TRUE(Delete(bucket, "k", "null")->existed);
  EXPECT_EQ(Get(bucket, "k", "null").code(), Code::kNotFound);
  EXPECT_EQ(Versions(bucket).size(), 1U);
}

TEST_P(VersioningTest, SuspendedReplacesTheNullVersionOnly) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  const auto one = PutOne(bucket, "k", 1);
  SetVersioning(model::Versioning::kSuspended);
  model::Extent extent;
  EXPECT_EQ((*PutOne(bucket, "k", 2, {}, "", &extent))->version_id, "null");
  EXPECT_EQ(Versions(bucket).size(), 2U);
  EXPECT_EQ((*PutOne(bucket, "k", 3))->version_id, "null");
  EXPECT_TRUE(IsReclaimed(extent));
  EXPECT_EQ(Versions(bucket).size(), 2U);
  // The null version moves into history and is replaced there.
  SetVersioning(model::Versioning::kEnabled);
  (void)PutOne(bucket, "k", 4);
  SetVersioning(model::Versioning::kSuspended);
  (void)PutOne(bucket, "k", 5);
  EXPECT_EQ(Versions(bucket).size(), 3U);
  EXPECT_EQ((*Get(bucket, "k", "null"))->size, 5U);
  const auto marker = Delete(bucket, "k");
  EXPECT_EQ(marker->version_id, "null");
  EXPECT_TRUE(marker->created_delete_marker);
  EXPECT_EQ(Versions(bucket).size(), 3U);
  EXPECT_EQ((*Get(bucket, "k", "null"))->kind, model::ObjectKind::kDeleteMarker);
  EXPECT_TRUE(Delete(bucket, "k", "null")->deleted_delete_marker);
  EXPECT_EQ((*Current(bucket, "k"))->size, 4U);
  EXPECT_TRUE(Get(bucket, "k", (*one)->version_id).ok());
}

TEST_P(VersioningTest, VersioningCannotBeTakenBack) {
  MakeBucket("bucket", model::Versioning::kEnabled);
  EXPECT_EQ(Run(db_->SetVersioning("bucket", model::Versioning::kNever)).code(),
            Code::kInvalidArgument);
}

// What the version chain of one key ought to be, newest first.
struct ModelVersion {
  std::string id;
  bool marker = false;
  model::Extent extent;
};

// Random changes of a few keys under all three states, against lists in memory.
TEST_P(VersioningTest, RandomHistoriesMatchTheModel) {
  std::mt19937 random(7);
  for (int history = 0; history < 6; ++history) {
    const std::string name = "bucket" + std::to_string(history);
    const BucketId bucket = MakeBucket(name);
    auto state = model::Versioning::kNever;
    std::map<std::string, std::vector<ModelVersion>> model;
    const auto erase_null = [](std::vector<ModelVersion>& chain) {
      std::erase_if(chain, [](const ModelVersion& version) { return version.id == "null"; });
    };
    for (int step = 0; step < 60; ++step) {
      const std::string key(1, static_cast<char>('a' + random() % 3));
      auto& chain = model[key];
      const uint32_t action = random() % 10;
      if (action == 0) {
        state = random() % 2 == 0 ? model::Versioning::kEnabled : model::Versioning::kSuspended;
        SetVersioning(state, name);
      } else if (action < 6) {
        ModelVersion version;
        const auto put = PutOne(bucket, key, 10, {}, "", &version.extent);
        ASSERT_TRUE(put.ok());
        version.id = (*put)->version_id;
        if (state != model::Versioning::kEnabled) erase_null(chain);
        chain.insert(chain.begin(), version);
      } else if (action < 8) {
        const auto outcome = Delete(bucket, key);
        ASSERT_TRUE(outcome.ok());
        if (state != model::Versioning::kEnabled) erase_null(chain);
        if (state != model::Versioning::kNever) {
          chain.insert(chain.begin(), {.id = outcome->version_id, .marker = true, .extent = {}});
        }
      } else if (!chain.empty()) {
        const size_t at = random() % chain.size();
        const auto outcome = Delete(bucket, key, chain[at].id);
        ASSERT_TRUE(outcome.ok());
        ASSERT_TRUE(outcome->existed);
        ASSERT_EQ(outcome->deleted_delete_marker, chain[at].marker);
        chain.erase(chain.begin() + static_cast<ptrdiff_t>(at));
      }
      std::vector<VersionEntry> listed = Versions(bucket);
      size_t next = 0;
      for (const auto& [model_key, versions] : model) {
        for (size_t i = 0; i < versions.size(); ++i, ++next) {
          ASSERT_LT(next, listed.size());
          ASSERT_EQ(listed[next].key, model_key);
          ASSERT_EQ(listed[next].version.version_id, versions[i].id);
          ASSERT_EQ(listed[next].is_latest, i == 0);
          if (!versions[i].marker) {
            ASSERT_EQ(Live(versions[i].extent), 10U);
          }
        }
        const auto current = Current(bucket, model_key);
        const bool visible = !versions.empty() && !versions[0].marker;
        ASSERT_EQ(current.ok(), visible);
        if (visible) {
          ASSERT_EQ((*current)->version_id, versions[0].id);
        }
        if (observer_.current.contains(model_key)) {
          ASSERT_EQ(observer_.current[model_key] != nullptr, visible);
        }
      }
      ASSERT_EQ(next, listed.size());
    }
    observer_.current.clear();
  }
}

}  // namespace
}  // namespace ashlar::metadata_db

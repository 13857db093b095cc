// What a version carries besides its bytes, and the settings of buckets: changes in place, locks.
#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

constexpr int64_t kHourMs = 3600 * 1000;

class ObjectLockTest : public MetadataDbTest {
 protected:
  Result<Version> Change(BucketId bucket, const std::string& key,
                         std::optional<std::string> version_id,
                         std::function<void(model::ObjectExtras&)> change) {
    return Run(db_->ChangeExtras(
        bucket, key, std::move(version_id),
        [change](const model::Bucket&, const model::ObjectVersion&, model::ObjectExtras& extras) {
          change(extras);
          return Status::Ok();
        }));
  }
  Result<model::Bucket> ChangeBucket(std::function<void(model::Bucket&)> change) {
    return Run(db_->ChangeBucket("bucket", [change](model::Bucket& bucket) {
      change(bucket);
      return Status::Ok();
    }));
  }
  BucketId MakeLockBucket() {
    const BucketId id = MakeBucket("bucket", model::Versioning::kEnabled);
    CHECK(ChangeBucket([](model::Bucket& bucket) { bucket.object_lock = true; }).ok());
    return id;
  }
  Result<DeleteOutcome> DeleteBypassing(BucketId bucket, const std::string& key,
                                        const std::string& version_id) {
    std::vector<DeleteObjectChange> changes;
    changes.push_back(
        {.key = key, .version_id = version_id, .etag_match = {}, .bypass_governance = true});
    return Run(db_->DeleteObjects(bucket, std::move(changes))).at(0);
  }
  // Retains for an hour from now on.
  void Retain(BucketId bucket, const std::string& version_id, model::RetentionMode mode) {
    const int64_t until_ms = clock_.WallMilliseconds() + kHourMs;
    CHECK(Change(bucket, "k", version_id, [mode, until_ms](model::ObjectExtras& extras) {
            extras.lock.mode = mode;
            extras.lock.retain_until_ms = until_ms;
          }).ok());
  }
};
INSTANTIATE_ENGINES(ObjectLockTest);

using ExtrasTest = ObjectLockTest;
INSTANTIATE_ENGINES(ExtrasTest);

TEST_P(ExtrasTest, TagsChangeInPlace) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  const auto one = PutOne(bucket, "k", 1);
  const auto two = PutOne(bucket, "k", 2);
  const auto tag = [](model::ObjectExtras& extras) { extras.tags = {{"a", "b"}}; };
  const auto changed = Change(bucket, "k", std::nullopt, tag);
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ((*changed)->version_id, (*two)->version_id);
  EXPECT_EQ((*changed)->last_modified_ms, (*two)->last_modified_ms);
  EXPECT_EQ(observer_.current.at("k")->extras.tags, (*changed)->extras.tags);
  EXPECT_TRUE((*Get(bucket, "k", (*one)->version_id))->extras.tags.empty());
  ASSERT_TRUE(Change(bucket, "k", (*one)->version_id, tag).ok());
  EXPECT_EQ((*Get(bucket, "k", (*one)->version_id))->extras.tags.size(), 1U);
  const auto events = Run(db_->ListOutbox(Sequence{0}, 100));
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->back().type, model::EventType::kExtrasChanged);
  EXPECT_EQ(events->back().version_sequence, (*one)->sequence);
}

TEST_P(ExtrasTest, WhatIsNotThereCannotBeChanged) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  const auto nothing = [](model::ObjectExtras&) {};
  EXPECT_EQ(Change(bucket, "k", std::nullopt, nothing).code(), Code::kNotFound);
  (void)PutOne(bucket, "k");
  const auto marker = Delete(bucket, "k");
  EXPECT_EQ(Change(bucket, "k", std::nullopt, nothing).code(), Code::kNotFound);
  EXPECT_EQ(Change(bucket, "k", marker->version_id, nothing).code(), Code::kNotFound);
}

TEST_P(ExtrasTest, AnEditThatFailsLeavesNoTrace) {
  const BucketId bucket = MakeBucket();
  (void)PutOne(bucket, "k");
  const auto failed = Run(db_->ChangeExtras(
      bucket, "k", std::nullopt,
      [](const model::Bucket&, const model::ObjectVersion&, model::ObjectExtras& extras) {
        extras.tags = {{"a", "b"}};
        return Status(Code::kPreconditionFailed, "no");
      }));
  EXPECT_EQ(failed.code(), Code::kPreconditionFailed);
  EXPECT_TRUE((*Current(bucket, "k"))->extras.tags.empty());
  EXPECT_EQ(
      Change(bucket, "k", std::nullopt, [](model::ObjectExtras& extras) { extras.owner = "thief"; })
          .code(),
      Code::kInvalidArgument);
}

TEST_P(ExtrasTest, BucketSettingsChangeAndKeepTheRules) {
  (void)MakeBucket();
  const auto changed =
      ChangeBucket([](model::Bucket& bucket) { bucket.configurations["policy"] = "{}"; });
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ((*Run(db_->GetBucket("bucket")))->configurations.at("policy"), "{}");
  EXPECT_EQ(observer_.buckets.at("bucket")->configurations.size(), 1U);
  const auto expect_refused = [this](std::function<void(model::Bucket&)> change) {
    EXPECT_EQ(ChangeBucket(std::move(change)).code(), Code::kInvalidArgument);
  };
  expect_refused([](model::Bucket& bucket) { bucket.owner = "thief"; });
  expect_refused([](model::Bucket& bucket) { bucket.name = "other"; });
  expect_refused([](model::Bucket& bucket) { bucket.object_lock = true; });  // no versioning
  ASSERT_TRUE(ChangeBucket([](model::Bucket& bucket) {
                bucket.versioning = model::Versioning::kEnabled;
                bucket.object_lock = true;
              }).ok());
  expect_refused([](model::Bucket& bucket) { bucket.object_lock = false; });
  expect_refused([](model::Bucket& bucket) { bucket.versioning = model::Versioning::kSuspended; });
  EXPECT_EQ(Run(db_->ChangeBucket("none", [](model::Bucket&) { return Status::Ok(); })).code(),
            Code::kNotFound);
}

TEST_P(ExtrasTest, ASettingIsChangedInOneStep) {
  const auto append = [](std::string& value) {
    value += "x";
    return Status::Ok();
  };
  EXPECT_EQ(*Run(db_->ChangeSetting("s", append)), "x");
  EXPECT_EQ(*Run(db_->ChangeSetting("s", append)), "xx");
  const auto refuse = [](std::string& value) {
    value = "lost";
    return Status(Code::kConflict, "no");
  };
  EXPECT_EQ(Run(db_->ChangeSetting("s", refuse)).code(), Code::kConflict);
  EXPECT_EQ(*Run(db_->GetSetting("s")), "xx");
}

TEST_P(ObjectLockTest, ComplianceHoldsAgainstEveryone) {
  const BucketId bucket = MakeLockBucket();
  const auto put = PutOne(bucket, "k");
  const std::string id = (*put)->version_id;
  Retain(bucket, id, model::RetentionMode::kCompliance);
  EXPECT_EQ(Delete(bucket, "k", id).code(), Code::kLocked);
  EXPECT_EQ(DeleteBypassing(bucket, "k", id).code(), Code::kLocked);
  // A marker on top deletes nothing.
  EXPECT_TRUE(Delete(bucket, "k")->created_delete_marker);
  EXPECT_TRUE(Get(bucket, "k", id).ok());
  EXPECT_EQ(Delete(bucket, "k", id).code(), Code::kLocked);
}

TEST_P(ObjectLockTest, GovernanceYieldsToWhoMayBypass) {
  const BucketId bucket = MakeLockBucket();
  const std::string id = (*PutOne(bucket, "k"))->version_id;
  Retain(bucket, id, model::RetentionMode::kGovernance);
  EXPECT_EQ(Delete(bucket, "k", id).code(), Code::kLocked);
  EXPECT_TRUE(DeleteBypassing(bucket, "k", id)->existed);
}

TEST_P(ObjectLockTest, ALegalHoldHoldsUntilItIsLifted) {
  const BucketId bucket = MakeLockBucket();
  const std::string id = (*PutOne(bucket, "k"))->version_id;
  const auto hold = [](bool on) {
    return [on](model::ObjectExtras& extras) {
      extras.lock.legal_hold = on ? model::LegalHold::kOn : model::LegalHold::kOff;
    };
  };
  ASSERT_TRUE(Change(bucket, "k", id, hold(true)).ok());
  EXPECT_EQ(DeleteBypassing(bucket, "k", id).code(), Code::kLocked);
  ASSERT_TRUE(Change(bucket, "k", id, hold(false)).ok());
  EXPECT_TRUE(Delete(bucket, "k", id)->existed);
}

TEST_P(ObjectLockTest, NewVersionsGetTheDefaultOfTheBucket) {
  const BucketId bucket = MakeLockBucket();
  ASSERT_TRUE(ChangeBucket([](model::Bucket& changed) {
                changed.default_retention = {
                    .mode = model::RetentionMode::kCompliance, .days = 1, .years = 0};
              }).ok());
  const int64_t before_ms = clock_.WallMilliseconds();
  const auto put = PutOne(bucket, "k");
  EXPECT_EQ((*put)->extras.lock.mode, model::RetentionMode::kCompliance);
  EXPECT_GE((*put)->extras.lock.retain_until_ms, before_ms + 24 * kHourMs);
  EXPECT_EQ(Delete(bucket, "k", (*put)->version_id).code(), Code::kLocked);
}

// No bucket with object lock can be without versioning, so the gateway never makes such a lock; the
// transactions hold all the same.
TEST_P(ObjectLockTest, NothingOverwritesALockedNullVersion) {
  const BucketId bucket = MakeBucket();
  (void)PutOne(bucket, "k");
  Retain(bucket, "null", model::RetentionMode::kGovernance);
  EXPECT_EQ(PutOne(bucket, "k").code(), Code::kLocked);
  EXPECT_EQ(Delete(bucket, "k").code(), Code::kLocked);
  SetVersioning(model::Versioning::kSuspended);
  EXPECT_EQ(PutOne(bucket, "k").code(), Code::kLocked);
  EXPECT_EQ(Delete(bucket, "k").code(), Code::kLocked);
  SetVersioning(model::Versioning::kEnabled);
  EXPECT_TRUE(PutOne(bucket, "k").ok());
  SetVersioning(model::Versioning::kSuspended);
  EXPECT_EQ(PutOne(bucket, "k").code(), Code::kLocked);
  EXPECT_EQ(Delete(bucket, "k").code(), Code::kLocked);
  EXPECT_TRUE(Get(bucket, "k", "null").ok());
}

}  // namespace
}  // namespace ashlar::metadata_db

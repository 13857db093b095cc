// The journal over a whole store on simulated disks and time.
#include "lifecycle_worker/metadata_journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lifecycle_worker/journal_segment.h"
#include "lifecycle_worker/tests/reclaim_world.h"
#include "runtime/failpoint.h"

namespace ashlar::lifecycle_worker {
namespace {

class MetadataJournalTest : public testing::Test {
 protected:
  MetadataJournalTest() { OpenAll(); }
  ~MetadataJournalTest() override {
    (void)ArmFailpoints("");
    world_.Close();
  }

  void OpenAll() {
    world_.Open();
    options_.settings = {"some.setting"};
    journal_ = std::make_unique<MetadataJournal>(
        MetadataJournal::Dependencies{*world_.mortal, *world_.metadata, *world_.objects,
                                      world_.clock, world_.random},
        options_);
  }
  Status CatchUp() { return world_.Run(journal_->CatchUp()); }

  // All segments by their keys, read through the store and decoded.
  std::map<std::string, JournalSegment> Segments() {
    std::map<std::string, JournalSegment> segments;
    const auto bucket = world_.Run(world_.objects->GetBucket(kJournalBucket));
    CHECK(bucket.ok());
    metadata_db::ListRequest request;
    request.bucket = (*bucket)->id;
    const auto page = world_.Run(world_.objects->List(request));
    for (const auto& entry : page->objects) {
      const auto version =
          world_.Run(world_.objects->FindVersion(*bucket, entry.key, std::nullopt));
      const auto bytes = world_.ReadVersion(*version);
      CHECK(bytes.ok());
      auto segment = DecodeJournalSegment(*bytes);
      CHECK(segment.ok());
      EXPECT_EQ(FormatPieceName(segment->name), entry.key);
      segments[entry.key] = std::move(*segment);
    }
    return segments;
  }
  size_t OutboxSize() {
    return world_.Run(world_.metadata->ListOutbox(Sequence{}, 100'000))->size();
  }
  // Updates begin where the one before ended.
  void ExpectChain() {
    Sequence covered;
    std::vector<PieceName> updates;
    for (const auto& [key, segment] : Segments()) {
      if (segment.name.checkpoint) {
        covered = segment.name.through;
      } else {
        updates.push_back(segment.name);
      }
    }
    std::sort(updates.begin(), updates.end(), ComesBefore);
    for (const PieceName& update : updates) {
      EXPECT_LE(update.after, covered);
      covered = std::max(covered, update.through);
    }
  }
  // Keys of all versions that the journal tells of.
  std::set<std::string> KeysTold() {
    std::set<std::string> keys;
    for (const auto& [name, segment] : Segments()) {
      for (const auto& item : segment.versions) keys.insert(item.key);
      for (const auto& item : segment.events) {
        if (item.version) keys.insert(item.event.key);
      }
    }
    return keys;
  }

  ReclaimWorld world_;
  MetadataJournalOptions options_;
  std::unique_ptr<MetadataJournal> journal_;
};

TEST_F(MetadataJournalTest, BeginsWithACheckpointAndGoesOnWithUpdates) {
  ASSERT_TRUE(world_.Put("before", "1").ok());
  ASSERT_TRUE(CatchUp().ok());
  auto segments = Segments();
  const auto checkpoints = std::count_if(segments.begin(), segments.end(), [](const auto& entry) {
    return entry.second.name.checkpoint;
  });
  EXPECT_EQ(checkpoints, 1);
  ASSERT_TRUE(world_.Put("a", std::string(200'000, 'x')).ok());
  ASSERT_TRUE(world_.Put("empty", "").ok());
  ASSERT_TRUE(world_.Copy("a", "copy").ok());
  ASSERT_TRUE(world_.Delete("before").ok());
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(KeysTold(), (std::set<std::string>{"before", "a", "empty", "copy"}));
  ExpectChain();
  segments = Segments();
  const JournalSegment* last = nullptr;
  for (const auto& [key, segment] : segments) {
    if (!segment.name.checkpoint && !segment.events.empty()) last = &segment;
  }
  ASSERT_NE(last, nullptr);
  ASSERT_EQ(last->events.size(), 4u);
  EXPECT_EQ(*last->events[0].version, **world_.Find("a"));
  EXPECT_EQ(last->events[3].event.type, model::EventType::kObjectDeleted);
  EXPECT_FALSE(last->events[3].version.has_value());
}

TEST_F(MetadataJournalTest, TheOutboxIsEmptiedAndTheJournalDoesNotTellOfItself) {
  ASSERT_TRUE(CatchUp().ok());
  ASSERT_TRUE(world_.Put("a", "1").ok());
  ASSERT_TRUE(CatchUp().ok());
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(OutboxSize(), 0u);
  const size_t segments = Segments().size();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Segments().size(), segments) << "it writes without an end";
  EXPECT_FALSE(KeysTold().contains("metadata_journal"));
  for (const std::string& key : KeysTold()) EXPECT_FALSE(ParsePieceName(key).has_value()) << key;
}

TEST_F(MetadataJournalTest, AVersionThatHasGoneIsTold) {
  ASSERT_TRUE(CatchUp().ok());
  ASSERT_TRUE(world_.Put("a", "1").ok());
  ASSERT_TRUE(world_.Put("a", "2").ok());
  ASSERT_TRUE(CatchUp().ok());
  std::vector<JournaledEvent> events;
  for (const auto& [key, segment] : Segments()) {
    events.insert(events.end(), segment.events.begin(), segment.events.end());
  }
  ASSERT_EQ(events.size(), 2u);
  EXPECT_FALSE(events[0].version.has_value());
  EXPECT_TRUE(events[0].event.first_slice.has_value());
  EXPECT_TRUE(events[1].version.has_value());
}

TEST_F(MetadataJournalTest, SmallPiecesWhenThereIsMuch) {
  options_.piece_bytes_max = 1500;
  OpenAll();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(world_.Put("before" + std::to_string(i), "1").ok());
  ASSERT_TRUE(CatchUp().ok());
  size_t parts = 0;
  for (const auto& [key, segment] : Segments()) parts += segment.name.checkpoint ? 1 : 0;
  EXPECT_GT(parts, 3u);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(world_.Put("behind" + std::to_string(i), "1").ok());
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(KeysTold().size(), 60u);
  ExpectChain();
  EXPECT_LE(OutboxSize(), 30u);  // its own
}

TEST_F(MetadataJournalTest, ACheckpointReplacesWhatHasGrownTooLarge) {
  options_.checkpoint_bytes_min = 20'000;
  OpenAll();
  ASSERT_TRUE(CatchUp().ok());
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(world_.Put("same key", std::to_string(i)).ok());
    ASSERT_TRUE(CatchUp().ok());
  }
  const auto segments = Segments();
  EXPECT_LT(segments.size(), 12u) << "superseded segments are not removed";
  EXPECT_EQ(KeysTold(), std::set<std::string>{"same key"});
  ExpectChain();
}

TEST_F(MetadataJournalTest, ACrashBetweenTwoStepsLosesAndRepeatsNothing) {
  for (const char* step : {"journal.segment_written=error@1", "journal.state_saved=error@1"}) {
    const std::string key = std::string("key of ") + step;
    ASSERT_TRUE(CatchUp().ok());
    ASSERT_TRUE(world_.Put(key, "1").ok());
    ASSERT_TRUE(ArmFailpoints(step).ok());
    EXPECT_FALSE(CatchUp().ok()) << "the step is not there";
    ASSERT_TRUE(ArmFailpoints("").ok());
    world_.Crash();
    OpenAll();
    ASSERT_TRUE(CatchUp().ok()) << step;
    EXPECT_TRUE(KeysTold().contains(key)) << step;
    ExpectChain();
  }
}

// Rounds on simulated time, beside a client or alone.
class JournalRoundsTest : public MetadataJournalTest {
 protected:
  JournalRoundsTest() {
    world_.Close();
    world_.store_options.volume_bytes = 64 << 20;  // no new volume, which costs syncs too
    world_.store_options.allocate_step_bytes = 1 << 20;
    OpenAll();
    CHECK(CatchUp().ok());
    for (int i = 0; i < 3; ++i) CHECK(world_.Put("first", "1").ok() && CatchUp().ok());
    world_.Wait(std::chrono::seconds(1));
    journal_->Start(world_.executor);
  }
  uint64_t Syncs() const {
    uint64_t syncs = 0;
    for (const auto& disk : world_.disks) syncs += disk->syncs();
    return syncs;
  }
};

TEST_F(JournalRoundsTest, BesideAClientTheJournalCausesNoSync) {
  const uint64_t syncs_before = Syncs();
  const size_t segments_before = Segments().size();
  uint64_t puts = 0;
  const int64_t end_ms = world_.clock.WallMilliseconds() + 5'000;
  while (world_.clock.WallMilliseconds() < end_ms) {
    ASSERT_TRUE(world_.Put("key-" + std::to_string(puts++), std::string(1000, 'x')).ok());
    world_.Wait(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(Syncs() - syncs_before, puts * 3);  // 2+1 shards
  EXPECT_GE(Segments().size(), segments_before + 4);
  world_.Run(journal_->Stop());
}

TEST_F(JournalRoundsTest, ALonePutIsToldAPeriodAndThePatienceLater) {
  for (int i = 0; i < 10; ++i) {
    const std::string key = "lone-" + std::to_string(i);
    ASSERT_TRUE(world_.Put(key, "1").ok());
    world_.Wait(options_.period + options_.patience + std::chrono::milliseconds(60));
    EXPECT_TRUE(KeysTold().contains(key));
    world_.Wait(std::chrono::milliseconds(111));  // so that they come at all times of a round
  }
  world_.Run(journal_->Stop());
}

TEST_F(JournalRoundsTest, StopWaitsForNoCompany) {
  ASSERT_TRUE(world_.Put("a", "1").ok());
  world_.Wait(options_.period + std::chrono::milliseconds(100));
  EXPECT_FALSE(KeysTold().contains("a")) << "no segment is waiting";
  const int64_t begin_ms = world_.clock.WallMilliseconds();
  world_.Run(journal_->Stop());
  EXPECT_LE(world_.clock.WallMilliseconds() - begin_ms, 350);
  EXPECT_TRUE(KeysTold().contains("a"));
  EXPECT_EQ(OutboxSize(), 0u);
}

TEST_F(MetadataJournalTest, WhatCannotBeWrittenStaysInTheOutbox) {
  ASSERT_TRUE(CatchUp().ok());
  ASSERT_TRUE(world_.Put("a", "1").ok());
  for (int drive = 0; drive < ReclaimWorld::kDrives; ++drive) world_.SetOffline(drive, true);
  EXPECT_FALSE(CatchUp().ok());
  EXPECT_GE(OutboxSize(), 1u);
  for (int drive = 0; drive < ReclaimWorld::kDrives; ++drive) world_.SetOffline(drive, false);
  world_.Restart();
  OpenAll();
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_TRUE(KeysTold().contains("a"));
}

TEST_F(MetadataJournalTest, RefusedWritesAndChangedSettingsAreTold) {
  ASSERT_TRUE(CatchUp().ok());
  model::Extent extent;
  extent.id = NewUniqueId(world_.clock, world_.random);
  extent.data_shards = 1;
  extent.parity_shards = 1;
  extent.payload_bytes = 10;
  extent.locations.resize(2);
  extent.roots.resize(2);
  metadata_db::NewExtents abandoned;
  abandoned.extents.push_back(extent);
  ASSERT_TRUE(world_.Run(world_.metadata->RecordAbandonedExtents(abandoned)).ok());
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back("some.setting", "7");
  ASSERT_TRUE(world_.Run(world_.metadata->PutSettings(settings)).ok());
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(CatchUp().ok());
  bool extent_told = false;
  bool setting_told = false;
  for (const auto& [key, segment] : Segments()) {
    if (segment.name.checkpoint) continue;
    extent_told |= std::count(segment.extents.begin(), segment.extents.end(), extent.id) > 0;
    for (const auto& [name, value] : segment.settings) {
      setting_told |= name == "some.setting" && value == "7";
    }
  }
  EXPECT_TRUE(extent_told);
  EXPECT_TRUE(setting_told);
}

}  // namespace
}  // namespace ashlar::lifecycle_worker

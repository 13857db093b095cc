#include "admin/doctor/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ashlar::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kDayMs = 24 * 3600 * 1000LL;

class DoctorTest : public ::testing::Test {
 protected:
  // A store of six drives, 4+2, in which nothing is wrong.
  DoctorTest() {
    facts_.now_ms = 100 * kDayMs;
    facts_.data_shards = 4;
    facts_.parity_shards = 2;
    for (uint16_t i = 0; i < 6; ++i) {
      DriveFacts drive;
      drive.view.drive = DriveId{i};
      drive.path = "/mnt/d" + std::to_string(i + 1);
      drive.view.status.space = SpaceInfo{1000ULL << 30, 500ULL << 30};
      facts_.drives.push_back(drive);
    }
    facts_.scrub_round_ms = 30 * kDayMs;
    facts_.scrub.oldest_verified_ms = 90 * kDayMs;
    facts_.metadata_space = SpaceInfo{100ULL << 30, 50ULL << 30};
    facts_.host.open_files_limit = 1 << 20;
    facts_.risk.emplace();
    facts_.risk->extents = 10;
    facts_.risk->now.by_remaining = {0, 0, 10};
  }

  // The finding, which must be there once, and the only one.
  Finding Only(const std::string& id) {
    const std::vector<Finding> findings = Diagnose(facts_);
    EXPECT_EQ(findings.size(), 1U);
    if (findings.empty()) return {};
    EXPECT_EQ(findings.front().id, id);
    EXPECT_THAT(findings.front().why, Not(IsEmpty()));
    EXPECT_THAT(findings.front().action, Not(IsEmpty()));
    return findings.front();
  }
  void TakeAway(size_t drive, PathFinding at_path) {
    facts_.drives[drive].view.status.state = chunk_server::DriveState::kOffline;
    facts_.drives[drive].view.status.reason = "gone";
    facts_.drives[drive].at_path = at_path;
  }

  StoreFacts facts_;
};

TEST_F(DoctorTest, NothingIsWrong) {
  EXPECT_THAT(Diagnose(facts_), IsEmpty());
  EXPECT_STREQ(HealthOf({}), "healthy");
}

TEST_F(DoctorTest, NothingIsWrongWithoutSurveyOrSpaceKnown) {
  facts_.risk.reset();
  facts_.scrub.oldest_verified_ms = 0;  // a young store
  facts_.metadata_space = SpaceInfo();
  for (DriveFacts& drive : facts_.drives) drive.view.status.space = SpaceInfo();
  EXPECT_THAT(Diagnose(facts_), IsEmpty());
}

TEST_F(DoctorTest, DriveWhosePathIsMissing) {
  TakeAway(2, PathFinding::kMissing);
  const Finding finding = Only("drive_offline");
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_THAT(finding.what, HasSubstr("drive 3 (/mnt/d3)"));
  EXPECT_THAT(finding.action, HasSubstr("ashlar admin drive replace 3"));
  EXPECT_STREQ(HealthOf({finding}), "degraded");
}

TEST_F(DoctorTest, DriveWhosePathIsEmptyForeignOrFailing) {
  TakeAway(0, PathFinding::kEmpty);
  EXPECT_THAT(Only("drive_path_empty").what, HasSubstr("not mounted"));
  TakeAway(0, PathFinding::kForeign);
  facts_.drives[0].path_detail = "photos";
  EXPECT_THAT(Only("drive_path_foreign").what, HasSubstr("photos"));
  TakeAway(0, PathFinding::kItself);
  EXPECT_THAT(Only("drive_offline").what, HasSubstr("gone"));
}

TEST_F(DoctorTest, LastParityGoneIsCritical) {
  TakeAway(0, PathFinding::kMissing);
  TakeAway(1, PathFinding::kMissing);
  const std::vector<Finding> findings = Diagnose(facts_);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_STREQ(HealthOf(findings), "critical");
}

TEST_F(DoctorTest, RemovedDriveMayBeGone) {
  TakeAway(0, PathFinding::kMissing);
  facts_.drives[0].view.role = cluster::DriveRole::kRemoved;
  EXPECT_THAT(Diagnose(facts_), IsEmpty());
}

TEST_F(DoctorTest, DriveWithErrors) {
  facts_.drives[4].view.status.io_errors = 3;
  EXPECT_THAT(Only("drive_errors").what, HasSubstr("drive 5 (/mnt/d5) answered with 3 errors"));
}

TEST_F(DoctorTest, DriveNearlyFull) {
  facts_.drives[1].view.status.space.available_bytes = 100ULL << 30;
  EXPECT_THAT(Diagnose(facts_), IsEmpty());  // a tenth is enough
  facts_.drives[1].view.status.space.available_bytes = 99ULL << 30;
  EXPECT_EQ(Only("drive_nearly_full").severity, Severity::kWarning);
  facts_.drives[1].view.status.space.available_bytes = 20ULL << 30;
  EXPECT_EQ(Only("drive_nearly_full").severity, Severity::kCritical);
}

TEST_F(DoctorTest, FewerParitiesLeft) {
  facts_.risk->now.by_remaining = {0, 4, 6};
  Finding finding = Only("redundancy_reduced");
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_THAT(finding.what, HasSubstr("4 extents of 10 can lose only 1 further shards, not 2"));
  EXPECT_THAT(finding.why, HasSubstr("0 are left"));
  facts_.risk->now.by_remaining = {1, 4, 5};
  finding = Only("redundancy_reduced");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_THAT(finding.what, HasSubstr("1 extent of 10"));
}

TEST_F(DoctorTest, UnreadableData) {
  facts_.heal.unrecoverable_now = 2;
  EXPECT_EQ(Only("data_unreadable").severity, Severity::kCritical);
  facts_.heal.unrecoverable_now = 0;
  facts_.risk->now.unreadable = 1;
  EXPECT_THAT(Only("data_unreadable").what, HasSubstr("1 extent has fewer than 4"));
}

TEST_F(DoctorTest, WaitingRepairs) {
  facts_.heal.waiting_for_drive = 7;
  EXPECT_EQ(Only("repairs_wait_for_drive").severity, Severity::kNotice);
  facts_.heal.waiting_for_drive = 0;
  facts_.heal.waiting_for_replacement = 1;
  EXPECT_THAT(Only("repairs_wait_for_replacement").action, HasSubstr("drive replace"));
}

TEST_F(DoctorTest, FailingRepairs) {
  facts_.heal.failures = 3;
  facts_.heal.last_failure = "no space";
  EXPECT_THAT(Diagnose(facts_), IsEmpty());  // they went through later
  facts_.repairs_pending = true;
  EXPECT_THAT(Only("repairs_fail").what, HasSubstr("no space"));
}

TEST_F(DoctorTest, Scrubbing) {
  facts_.scrub.oldest_verified_ms = facts_.now_ms - 61 * kDayMs;
  EXPECT_THAT(Only("scrub_overdue").what, HasSubstr("61 days"));
  facts_.scrub.oldest_verified_ms = facts_.now_ms;
  facts_.scrub.paused = true;
  EXPECT_EQ(Only("scrub_paused").action, "ashlar admin scrub --resume");
}

TEST_F(DoctorTest, Reclaiming) {
  facts_.reclaim.braked = true;
  facts_.reclaim.wanted_bytes = 5ULL << 20;
  EXPECT_THAT(Only("reclaim_braked").what, HasSubstr("5 MiB"));
  facts_.reclaim.braked = false;
  facts_.reclaim.suspended = "the clock jumped by 3600 s";
  EXPECT_THAT(Only("clock_jumped").what, HasSubstr("3600 s"));
  facts_.reclaim.suspended.clear();
  facts_.reclaim.last_error = "kIoError";
  EXPECT_THAT(Only("reclaim_fails").what, HasSubstr("kIoError"));
}

TEST_F(DoctorTest, Metadata) {
  facts_.journal_lag_seconds = 61;
  EXPECT_THAT(Only("journal_lags").what, HasSubstr("61 s"));
  facts_.journal_lag_seconds = 60;
  facts_.metadata_space.available_bytes = 1ULL << 30;
  EXPECT_EQ(Only("metadata_disk_nearly_full").severity, Severity::kWarning);
  facts_.metadata_space.available_bytes = 63ULL << 20;
  EXPECT_EQ(Only("metadata_disk_nearly_full").severity, Severity::kCritical);
}

TEST_F(DoctorTest, Host) {
  facts_.host.runs_as_root = true;
  EXPECT_EQ(Only("runs_as_root").severity, Severity::kNotice);
  facts_.host.runs_as_root = false;
  facts_.host.open_files_limit = 1024;
  EXPECT_EQ(Only("open_files_limit").severity, Severity::kWarning);
  facts_.host.open_files_limit = 1 << 20;
  facts_.host.token_readable_by_others = true;
  EXPECT_THAT(Only("token_readable").action, HasSubstr("chmod 600"));
  facts_.host.token_readable_by_others = false;
  facts_.memory_refusals = 1;
  EXPECT_THAT(Only("memory_refusals").what, HasSubstr("1 request was"));
}

TEST_F(DoctorTest, Certificate) {
  facts_.host.certificate_seconds_left = 31 * 24 * 3600;
  EXPECT_THAT(Diagnose(facts_), IsEmpty());
  facts_.host.certificate_seconds_left = 29 * 24 * 3600;
  EXPECT_EQ(Only("certificate_ends").severity, Severity::kWarning);
  facts_.host.certificate_seconds_left = -1;
  const Finding finding = Only("certificate_ends");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_THAT(finding.what, HasSubstr("has expired"));
}

TEST_F(DoctorTest, TheWorstComesFirst) {
  facts_.host.runs_as_root = true;
  facts_.scrub.paused = true;
  facts_.heal.unrecoverable_now = 1;
  const std::vector<Finding> findings = Diagnose(facts_);
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].id, "data_unreadable");
  EXPECT_EQ(findings[1].id, "scrub_paused");
  EXPECT_EQ(findings[2].id, "runs_as_root");
}

}  // namespace
}  // namespace ashlar::admin

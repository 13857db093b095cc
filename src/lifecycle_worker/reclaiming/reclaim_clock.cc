#include "lifecycle_worker/reclaiming/reclaim_clock.h"

#include <charconv>
#include <cstdlib>

namespace ashlar::lifecycle_worker {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

Task<Result<uint64_t>> ReadNumberSetting(metadata_db::MetadataDb& metadata, std::string name,
                                         uint64_t absent) {
  const Result<std::string> text = co_await metadata.GetSetting(name);
  if (text.code() == Code::kNotFound) co_return absent;
  if (!text.ok()) co_return text.status();
  uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || rest != end) {
    co_return Status(Code::kCorrupt, "setting " + name + " is not a number");
  }
  co_return number;
}

Task<Status> ReclaimClock::Load() {
  CO_ASSIGN_OR_RETURN(const uint64_t seconds,
                      co_await ReadNumberSetting(metadata_, kReclaimClockSetting, 0));
  saved_s_ = static_cast<int64_t>(seconds);
  observed_ns_ = saved_s_ * kNanosecondsPerSecond;
  last_monotonic_ns_ = clock_.MonotonicNanoseconds();
  last_wall_ms_ = clock_.WallMilliseconds();
  co_return Status::Ok();
}

Task<Result<ReclaimClock::Tick>> ReclaimClock::Advance() {
  const int64_t monotonic_ns = clock_.MonotonicNanoseconds();
  const int64_t wall_ms = clock_.WallMilliseconds();
  const int64_t passed_ns = monotonic_ns - last_monotonic_ns_;
  const int64_t jump_ms = wall_ms - last_wall_ms_ - passed_ns / 1'000'000;
  observed_ns_ += passed_ns;
  last_monotonic_ns_ = monotonic_ns;
  last_wall_ms_ = wall_ms;
  Tick tick;
  // Never 0: that stands for "not noted yet" in rows.
  tick.now = {wall_ms, 1 + observed_ns_ / kNanosecondsPerSecond};
  if (std::abs(jump_ms) > kClockJumpMsMax) tick.jump_ms = jump_ms;
  const int64_t seconds = observed_ns_ / kNanosecondsPerSecond;
  if (seconds != saved_s_) {
    std::vector<std::pair<std::string, std::string>> settings;
    settings.emplace_back(kReclaimClockSetting, std::to_string(seconds));
    CO_RETURN_IF_ERROR(co_await metadata_.PutSettings(std::move(settings)));
    saved_s_ = seconds;
  }
  co_return tick;
}

}  // namespace ashlar::lifecycle_worker

// What the scrubber remembers over a restart: rows in the settings.
//   "scrub.round"      when the round at hand began and ended, paused, speed
//   "scrub.drive.<n>"  when each volume of the drive was last verified; belongs to one change of
//                      the drive (DriveView::change), and is nothing when the drive was replaced
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace ashlar::cluster {

struct ScrubRound {
  int64_t began_ms = 0;
  int64_t ended_ms = 0;  // 0: at hand
  bool paused = false;
  bool full_speed = false;  // was asked for
  bool operator==(const ScrubRound&) const = default;
};
struct VerifiedVolumes {
  // Stands for "all that rows name outside of the volumes there are"; done with a drive's last
  // group. A volume that is not in the map was made later than this.
  static constexpr uint32_t kRest = UINT32_MAX;

  uint64_t change = 0;
  std::map<uint32_t, int64_t> since_ms;  // by volume

  int64_t SinceMs(uint32_t volume) const {
    auto entry = since_ms.find(volume);
    if (entry == since_ms.end()) entry = since_ms.find(kRest);
    return entry == since_ms.end() ? 0 : entry->second;
  }
  bool operator==(const VerifiedVolumes&) const = default;
};

[[nodiscard]] std::string EncodeScrubRound(const ScrubRound& round);
[[nodiscard]] Result<ScrubRound> DecodeScrubRound(std::string_view row);  // kCorrupt
[[nodiscard]] std::string EncodeVerifiedVolumes(const VerifiedVolumes& verified);
[[nodiscard]] Result<VerifiedVolumes> DecodeVerifiedVolumes(std::string_view row);  // kCorrupt

}  // namespace ashlar::cluster

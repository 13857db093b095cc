// What `ashlar admin` shows people: the API's JSON as aligned text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ashlar::server {

using AdminJson = nlohmann::ordered_json;

// Rows of cells; the first is the head. Cells that begin with a digit stand at the right.
[[nodiscard]] std::string Table(const std::vector<std::vector<std::string>>& rows);
[[nodiscard]] std::string Bytes(double bytes);       // "1.5 GiB"
[[nodiscard]] std::string TimeSpan(double seconds);  // "3 h 20 min"
// "[####......] 40.0 %  1.2 GiB of 3.0 GiB, 120 MiB/s, 15 s left"
[[nodiscard]] std::string ProgressBar(double done, double total, double rate,
                                      const AdminJson& eta_seconds);

[[nodiscard]] std::string StatusText(const AdminJson& status);
[[nodiscard]] std::string DrivesText(const AdminJson& drives);
[[nodiscard]] std::string HealText(const AdminJson& heal);
[[nodiscard]] std::string ScrubText(const AdminJson& scrub);
[[nodiscard]] std::string ReclaimText(const AdminJson& reclaim);
[[nodiscard]] std::string UsageText(const AdminJson& usage);
[[nodiscard]] std::string DoctorText(const AdminJson& doctor);

}  // namespace ashlar::server

#include "server/commands/admin_tables.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace ashlar::server {
namespace {

constexpr size_t kBarSigns = 30;

std::string Format(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

uint64_t Number(const AdminJson& object, const char* name) { return object.value(name, 0ULL); }

std::string Text(const AdminJson& object, const char* name) { return object.value(name, ""); }

std::string NumberText(const AdminJson& object, const char* name) {
  return std::to_string(Number(object, name));
}

std::string BytesOf(const AdminJson& object, const char* name) {
  return Bytes(static_cast<double>(Number(object, name)));
}

std::string Line(const char* name, const std::string& value) {
  char head[32];
  std::snprintf(head, sizeof head, "%-12s", name);
  return head + value + "\n";
}

uint64_t ReclaimBytes(const AdminJson& reclaim) {
  uint64_t bytes = 0;
  for (const AdminJson& item : reclaim.at("waiting")) bytes += Number(item, "bytes");
  return bytes;
}

std::string HealSummary(const AdminJson& heal) {
  if (heal.value("done", false)) return "nothing to do";
  std::string text = NumberText(heal, "orders") + " shards ordered";
  for (const AdminJson& sweep : heal.at("sweeps")) {
    text += "; " + Text(sweep, "kind") + " of drive " + NumberText(sweep, "drive") + ": " +
            NumberText(sweep, "shards_done") + " of " + NumberText(sweep, "shards_total") +
            " shards";
  }
  return text + ", " + Bytes(heal.value("bytes_per_second", 0.0)) + "/s";
}

std::string ScrubSummary(const AdminJson& scrub) {
  if (scrub.value("paused", false)) return "paused";
  if (Number(scrub, "round_ended_ms") != 0) return "round complete";
  if (Number(scrub, "round_began_ms") == 0) return "not begun yet";
  return "round under way: " + BytesOf(scrub, "bytes_done") + " of " +
         BytesOf(scrub, "bytes_total");
}

std::string ReclaimSummary(const AdminJson& reclaim) {
  std::string text = Bytes(static_cast<double>(ReclaimBytes(reclaim))) + " wait, " +
                     BytesOf(reclaim, "purged_bytes") + " given back since the start";
  if (reclaim.value("braked", false)) text += "; BRAKED";
  return text;
}

}  // namespace

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      // The head goes with its column.
      const std::string& like = rows.size() > 1 ? rows[1][i] : row[i];
      const bool right = !like.empty() && like[0] >= '0' && like[0] <= '9';
      const std::string room(widths[i] - row[i].size(), ' ');
      line += (i > 0 ? "  " : "") + (right ? room + row[i] : row[i] + room);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string Bytes(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return Format(unit == 0 ? "%.0f " : "%.1f ", bytes) + kUnits[unit];
}

std::string TimeSpan(double seconds) {
  const auto whole = static_cast<uint64_t>(std::max(seconds, 0.0));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min";
  if (whole < 48 * 3600) {
    return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
  }
  return std::to_string(whole / 86400) + " days";
}

std::string ProgressBar(double done, double total, double rate, const AdminJson& eta_seconds) {
  const double share = total > 0 ? std::min(done / total, 1.0) : 0;
  const auto filled = static_cast<size_t>(share * static_cast<double>(kBarSigns));
  std::string text = "[" + std::string(filled, '#') + std::string(kBarSigns - filled, '.') + "] " +
                     Format("%5.1f %%  ", 100 * share) + Bytes(done) + " of " + Bytes(total) +
                     ", " + Bytes(rate) + "/s";
  if (eta_seconds.is_number()) text += ", " + TimeSpan(eta_seconds.get<double>()) + " left";
  return text;
}

std::string StatusText(const AdminJson& status) {
  size_t online = 0;
  uint64_t total = 0;
  uint64_t free = 0;
  std::string others;
  for (const AdminJson& drive : status.at("drives")) {
    online += Text(drive, "state") == "online" ? 1 : 0;
    total += Number(drive, "total_bytes");
    free += Number(drive, "free_bytes");
    std::string remark;
    if (Text(drive, "state") != "online") remark = Text(drive, "state");
    if (Text(drive, "role") != "active") remark = Text(drive, "role");
    if (drive.value("refilling", false)) remark = "refilling";
    if (!remark.empty()) others += ", drive " + NumberText(drive, "drive") + " " + remark;
  }
  std::string out = Line("Health", Text(status, "health"));
  out += Line("Version", Text(status, "version") + ", up " +
                             TimeSpan(static_cast<double>(Number(status, "uptime_seconds"))));
  out += Line("Store", Text(status, "cluster_id") + ", code " + Text(status, "code"));
  out += Line("Drives", std::to_string(online) + " of " +
                            std::to_string(status.at("drives").size()) + " online" + others);
  out += Line("Free", Bytes(static_cast<double>(free)) + " of " +
                          Bytes(static_cast<double>(total)) + ", shards of all kinds");
  out += Line("Healing", HealSummary(status.at("heal")));
  out += Line("Scrubbing", ScrubSummary(status.at("scrub")));
  out += Line("Reclaiming", ReclaimSummary(status.at("reclaim")));
  bool any = false;
  for (const AdminJson& finding : status.at("findings")) {
    if (Text(finding, "severity") == "notice") continue;
    out += (any ? "" : "\n") + Text(finding, "severity") + ": " + Text(finding, "what") + "\n";
    any = true;
  }
  if (any) out += "What to do: ashlar admin doctor\n";
  return out;
}

std::string DrivesText(const AdminJson& drives) {
  std::vector<std::vector<std::string>> rows = {
      {"DRIVE", "STATE", "ROLE", "USED", "FREE", "ERRORS", "PATH", "REMARK"}};
  for (const AdminJson& drive : drives.at("drives")) {
    std::string remark = Text(drive, "reason");
    if (drive.value("refilling", false))
      remark = "refilling" + (remark.empty() ? "" : ", " + remark);
    rows.push_back({NumberText(drive, "drive"), Text(drive, "state"), Text(drive, "role"),
                    BytesOf(drive, "used_bytes"), BytesOf(drive, "free_bytes"),
                    NumberText(drive, "io_errors"), Text(drive, "path"), remark});
  }
  return Table(rows);
}

std::string HealText(const AdminJson& heal) {
  std::string out = Line("Healing", HealSummary(heal));
  out += Line("Healed", NumberText(heal, "shards_made") + " shards, " +
                            BytesOf(heal, "bytes_made") + " since the start");
  if (Number(heal, "waiting_for_drive") > 0) {
    out += Line("Waiting", NumberText(heal, "waiting_for_drive") +
                               " extents for a drive that is expected back");
  }
  if (Number(heal, "waiting_for_replacement") > 0) {
    out += Line("Waiting", NumberText(heal, "waiting_for_replacement") +
                               " extents for a replaced drive: ashlar admin drive replace N");
  }
  if (Number(heal, "unreadable_extents") > 0) {
    out += Line("UNREADABLE", NumberText(heal, "unreadable_extents") +
                                  " extents lack too many shards: bring drives back");
  }
  if (Number(heal, "failures") > 0) {
    out += Line("Failures",
                NumberText(heal, "failures") + ", the last: " + Text(heal, "last_failure"));
  }
  return out;
}

std::string ScrubText(const AdminJson& scrub) {
  const AdminJson& found = scrub.at("findings");
  std::string out = Line("Scrubbing", ScrubSummary(scrub));
  out += Line("Records",
              NumberText(found, "records") + " read, " + NumberText(found, "whole") + " whole");
  out += Line("Damage", NumberText(found, "corrupt") + " corrupt, " + NumberText(found, "missing") +
                            " missing, " + BytesOf(found, "unreadable_bytes") + " unreadable");
  const uint64_t strays = Number(found, "stale") + Number(found, "duplicate") +
                          Number(found, "misplaced") + Number(found, "orphans");
  if (strays > 0) out += Line("Strays", std::to_string(strays) + " (reclaiming looks after them)");
  for (const AdminJson& drive : scrub.at("drives")) {
    if (drive.value("skipped", false)) {
      out += Line("Left out", "drive " + NumberText(drive, "drive") + ": it is away");
    }
  }
  return out;
}

std::string ReclaimText(const AdminJson& reclaim) {
  std::string out = Line("Reclaiming", ReclaimSummary(reclaim));
  for (const auto& [name, field] :
       {std::pair{"Suspended", "suspended"}, std::pair{"Error", "last_error"},
        std::pair{"Orphans stay", "orphans_stay"}}) {
    if (!Text(reclaim, field).empty()) out += Line(name, " " + Text(reclaim, field));
  }
  if (reclaim.at("waiting").empty()) return out;
  std::vector<std::vector<std::string>> rows = {{"CAUSE", "PHASE", "ITEMS", "BYTES"}};
  for (const AdminJson& item : reclaim.at("waiting")) {
    rows.push_back({Text(item, "cause"), Text(item, "phase"), NumberText(item, "items"),
                    BytesOf(item, "bytes")});
  }
  return out + "\n" + Table(rows);
}

std::string UsageText(const AdminJson& usage) {
  std::vector<std::vector<std::string>> buckets = {
      {"BUCKET", "OBJECTS", "BYTES", "VERSIONS", "VERSION BYTES"}};
  for (const AdminJson& bucket : usage.at("buckets")) {
    if (bucket.value("internal", false)) continue;
    buckets.push_back({Text(bucket, "name"), NumberText(bucket, "objects"),
                       BytesOf(bucket, "bytes"), NumberText(bucket, "versions"),
                       BytesOf(bucket, "version_bytes")});
  }
  std::vector<std::vector<std::string>> drives = {{"DRIVE", "USED", "FREE", "SHARDS", "IN SHARDS"}};
  for (const AdminJson& drive : usage.at("drives")) {
    drives.push_back({NumberText(drive, "drive"), BytesOf(drive, "used_bytes"),
                      BytesOf(drive, "free_bytes"), NumberText(drive, "shards"),
                      BytesOf(drive, "shard_bytes")});
  }
  std::string out = buckets.size() > 1 ? Table(buckets) : "no buckets\n";
  out += "\n" + Table(drives);
  const AdminJson& waiting = usage.at("reclaim");
  if (waiting.empty()) return out + "\nnothing waits to be reclaimed\n";
  std::vector<std::vector<std::string>> rows = {{"TO BE RECLAIMED", "PHASE", "ITEMS", "BYTES"}};
  for (const AdminJson& item : waiting) {
    rows.push_back({Text(item, "cause"), Text(item, "phase"), NumberText(item, "items"),
                    BytesOf(item, "bytes")});
  }
  return out + "\n" + Table(rows);
}

std::string DoctorText(const AdminJson& doctor) {
  if (doctor.at("findings").empty()) return "Nothing is wrong.\n";
  std::string out;
  for (const AdminJson& finding : doctor.at("findings")) {
    if (!out.empty()) out += "\n";
    out += Text(finding, "severity") + ": " + Text(finding, "what") + "\n";
    out += "  why   " + Text(finding, "why") + "\n";
    out += "  do    " + Text(finding, "action") + "\n";
  }
  return out;
}

}  // namespace ashlar::server

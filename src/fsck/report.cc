// The report for people and for programs.
#include <nlohmann/json.hpp>

#include <cstdio>

#include "fsck/fsck.h"

namespace ashlar::fsck {
namespace {

// "  name                 12,345"
std::string Line(const char* name, uint64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  char line[80];
  std::snprintf(line, sizeof line, "  %-34s%20s\n", name, digits.c_str());
  return line;
}

// Only findings are worth a line.
std::string LineIfAny(const char* name, uint64_t value) {
  return value == 0 ? std::string() : Line(name, value);
}

std::string Lines(const char* title, const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += "  " + text + "\n";
  return out.empty() ? out : title + (":\n" + out);
}

std::string Names(const char* title, const std::vector<AffectedObject>& objects, uint64_t count) {
  if (objects.empty()) return {};
  std::string out = std::string(title) + ":\n";
  for (const AffectedObject& object : objects) {
    out += "  " + (object.bucket.empty() ? "" : object.bucket + "/") + object.key;
    if (!object.version_id.empty() && object.version_id != "null") {
      out += " (version " + object.version_id + ")";
    }
    out += ": " + std::to_string(object.good_shards) + " shards, " +
           std::to_string(object.needed_shards) + " needed\n";
  }
  if (count > objects.size()) {
    out += "  and " + std::to_string(count - objects.size()) + " more (--list names all)\n";
  }
  return out;
}

const char* Verdict(int exit_code) {
  switch (exit_code) {
    case 0: return "clean";
    case 1: return "findings that healing, scrubbing and reclaiming mend; no data is lost";
    default: return "DATA CANNOT BE READ, OR THE BOOKS ARE WRONG";
  }
}

nlohmann::ordered_json ToJson(const std::vector<AffectedObject>& objects) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const AffectedObject& object : objects) {
    list.push_back({{"bucket", object.bucket},
                    {"key", object.key},
                    {"version_id", object.version_id},
                    {"good_shards", object.good_shards},
                    {"needed_shards", object.needed_shards}});
  }
  return list;
}

}  // namespace

int FsckReport::ExitCode() const {
  if (extents_unreadable > 0 || book_errors > 0) return 2;
  const bool findings = drives_missing > 0 || !drive_problems.empty() || !volume_problems.empty() ||
                        shards.missing + shards.corrupt + shards.not_written > 0 ||
                        strays.orphan + strays.stale + strays.duplicate + strays.misplaced > 0 ||
                        unreadable_bytes > 0 || repair_orders > 0;
  return findings ? 1 : 0;
}

std::string ReportAsText(const FsckReport& report) {
  std::string out = "Metadata\n";
  out += Line("buckets", report.buckets);
  out += Line("objects", report.objects);
  out += Line("versions (markers too)", report.versions);
  out += Line("internal objects", report.internal_objects);
  out += Line("open uploads", report.uploads);
  out += Line("parts of open uploads", report.parts);
  out += Line("extents", report.extents);
  out += LineIfAny("extents to be reclaimed", report.dead_extents);
  out += LineIfAny("repair orders", report.repair_orders);
  out += Line("live bytes", report.live_bytes);
  out += "Shards of extents in use (code " + (report.code.empty() ? "-" : report.code) + ")\n";
  out += Line("live", report.shards.live);
  out += LineIfAny("MISSING", report.shards.missing);
  out += LineIfAny("CORRUPT", report.shards.corrupt);
  out += LineIfAny("NOT WRITTEN", report.shards.not_written);
  for (const auto& [left, count] : report.extents_by_parity_left) {
    out += Line(("EXTENTS WITH " + std::to_string(left) + " PARITIES LEFT").c_str(), count);
  }
  out += LineIfAny("EXTENTS UNREADABLE", report.extents_unreadable);
  out += LineIfAny("OBJECTS DEGRADED", report.objects_degraded);
  out += LineIfAny("OBJECTS LOST", report.objects_lost);
  out += "Drives\n";
  out += Line("volumes", report.volumes);
  out += Line("bytes", report.volume_bytes);
  out += LineIfAny("DRIVES MISSING", report.drives_missing);
  out += LineIfAny("ORPHANED SHARDS", report.strays.orphan);
  out += LineIfAny("SHARDS OF ANOTHER GENERATION", report.strays.stale);
  out += LineIfAny("DUPLICATE SHARDS", report.strays.duplicate);
  out += LineIfAny("MISPLACED SHARDS", report.strays.misplaced);
  out += LineIfAny("shards waiting to be reclaimed", report.strays.in_grace);
  out += LineIfAny("shards purged", report.strays.purged);
  out += LineIfAny("UNREADABLE BYTES", report.unreadable_bytes);
  out += LineIfAny("bytes between records, not zero", report.damaged_bytes);
  out += Lines("Drives with problems", report.drive_problems);
  out += Lines("Volumes with problems", report.volume_problems);
  out += Names("Lost", report.lost, report.objects_lost);
  out += Names("Degraded", report.degraded, report.objects_degraded);
  out += LineIfAny("WRONG BOOKS", report.book_errors);
  out += Lines("Books", report.book_error_texts);
  return out + "Verdict: " + Verdict(report.ExitCode()) + "\n";
}

std::string ReportAsJson(const FsckReport& report) {
  nlohmann::ordered_json json;
  json["verdict"] = report.ExitCode();
  json["buckets"] = report.buckets;
  json["objects"] = report.objects;
  json["versions"] = report.versions;
  json["internal_objects"] = report.internal_objects;
  json["delete_markers"] = report.delete_markers;
  json["uploads"] = report.uploads;
  json["parts"] = report.parts;
  json["extents"] = report.extents;
  json["dead_extents"] = report.dead_extents;
  json["repair_orders"] = report.repair_orders;
  json["live_bytes"] = report.live_bytes;
  json["code"] = report.code;
  json["shards"] = {{"live", report.shards.live},
                    {"missing", report.shards.missing},
                    {"corrupt", report.shards.corrupt},
                    {"not_written", report.shards.not_written}};
  json["strays"] = {{"orphan", report.strays.orphan},       {"stale", report.strays.stale},
                    {"duplicate", report.strays.duplicate}, {"misplaced", report.strays.misplaced},
                    {"in_grace", report.strays.in_grace},   {"purged", report.strays.purged}};
  nlohmann::ordered_json by_parity = nlohmann::ordered_json::object();
  for (const auto& [left, count] : report.extents_by_parity_left) {
    by_parity[std::to_string(left)] = count;
  }
  json["extents_by_parity_left"] = std::move(by_parity);
  json["extents_unreadable"] = report.extents_unreadable;
  json["objects_degraded"] = report.objects_degraded;
  json["objects_lost"] = report.objects_lost;
  json["drives_missing"] = report.drives_missing;
  json["drive_problems"] = report.drive_problems;
  json["volumes"] = report.volumes;
  json["volume_bytes"] = report.volume_bytes;
  json["volume_problems"] = report.volume_problems;
  json["unreadable_bytes"] = report.unreadable_bytes;
  json["damaged_bytes"] = report.damaged_bytes;
  json["lost"] = ToJson(report.lost);
  json["degraded"] = ToJson(report.degraded);
  json["book_errors"] = report.book_errors;
  json["book_error_texts"] = report.book_error_texts;
  // Keys are bytes; what is not UTF-8 becomes a replacement character.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ashlar::fsck

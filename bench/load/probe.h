// What the server spent, seen from outside: processor time and I/O of its process from /proc, and
// its own counters from /metrics. Read before and after a run; the difference is what the run cost.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load/request.h"

namespace ashlar::bench {

inline constexpr std::array<std::string_view, 6> kServerCounters = {
    "ashlar_disk_syncs_total",      "ashlar_disk_bytes_written_total",
    "ashlar_disk_bytes_read_total", "ashlar_disk_files_created_total",
    "ashlar_metadata_syncs_total",  "ashlar_metadata_bytes_written_total",
};

// Fields of /proc/PID/io, in bytes. rchar and wchar count every byte given to read and write calls,
// sockets included; write_bytes is what went towards storage.
inline constexpr std::array<std::string_view, 3> kProcessIoFields = {"rchar", "wchar",
                                                                     "write_bytes"};

struct ServerSnapshot {
  std::optional<double> cpu_seconds;  // user and system, all threads
  std::array<std::optional<double>, kProcessIoFields.size()> process_io;
  std::array<std::optional<double>, kServerCounters.size()> counters;
  std::string problem;  // why something is missing although it was asked for

  // this - before, field by field; absent where either is absent.
  ServerSnapshot Since(const ServerSnapshot& before) const;
};

// The sum over all label sets of a counter in Prometheus text format; empty when it does not occur.
std::optional<double> SumOfMetric(std::string_view text, std::string_view name);

// utime + stime of the text of /proc/PID/stat in seconds; the command name may hold any characters.
std::optional<double> CpuSecondsOfStat(std::string_view stat, int64_t ticks_per_second);

class ServerProbe {
 public:
  // `pid` 0 and an empty URL leave the respective fields absent. http:// only.
  ServerProbe(pid_t pid, const std::string& metrics_url);
  ServerSnapshot Take() const;

 private:
  pid_t pid_;
  std::string metrics_url_;
};

// The body of a blocking HTTP GET; empty with *problem set when it is not answered by 200.
std::optional<std::string> FetchUrl(const std::string& url, std::string* problem);

}  // namespace ashlar::bench

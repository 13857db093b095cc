#include "admin/process_metrics.h"

#include <malloc.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "runtime/metrics.h"

namespace ashlar::admin {
namespace {

// "VmRSS:     1234 kB" of the kernel's status file, in bytes.
std::optional<double> ResidentBytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (!line.starts_with("VmRSS:")) continue;
    return std::strtod(line.c_str() + 6, nullptr) * 1024;
  }
  return std::nullopt;
}

std::optional<double> OpenDescriptors() {
  std::error_code error;
  std::filesystem::directory_iterator folder("/proc/self/fd", error);
  if (error) return std::nullopt;
  double count = 0;
  for (; folder != std::filesystem::directory_iterator(); folder.increment(error)) {
    if (error) return std::nullopt;
    ++count;
  }
  return count - 1;  // the one we look with
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

ProcessMetrics::ProcessMetrics(const std::string& version, Clock& clock) {
  MetricGauge("ashlar_build_info", "Always 1; the label tells what runs", {{"version", version}})
      .Set(1);
  MetricGauge("process_start_time_seconds", "When the process began, since 1970")
      .Set(static_cast<double>(clock.WallMilliseconds()) / 1000);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    MetricGauge("process_max_fds", "Limit of open file descriptors")
        .Set(static_cast<double>(limit.rlim_cur));
  }
  Update();
}

void ProcessMetrics::Update() {
  static auto& resident = MetricGauge("process_resident_memory_bytes", "Resident memory");
  static auto& descriptors = MetricGauge("process_open_fds", "Open file descriptors");
  static auto& cpu = MetricGauge("process_cpu_seconds_total", "User and system CPU time");
  static auto& heap = MetricGauge("ashlar_heap_bytes", "Bytes allocated from the heap");
  static auto& unused = MetricGauge("ashlar_heap_free_bytes",
                                    "Bytes that the heap has from the system and nobody uses");
  if (const auto bytes = ResidentBytes()) resident.Set(*bytes);
  const struct mallinfo2 info = mallinfo2();
  heap.Set(static_cast<double>(info.uordblks + info.hblkhd));
  unused.Set(static_cast<double>(info.fordblks));
  if (const auto count = OpenDescriptors()) descriptors.Set(*count);
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    cpu.Set(Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
}

}  // namespace ashlar::admin

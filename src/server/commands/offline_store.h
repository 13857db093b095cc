// What the commands share that work on a store while its server does not run.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/process.h"

namespace ashlar::server {

struct OfflineStoreOptions {
  std::string data;
  std::vector<std::string> drives;
  bool progress = false;
};
void AddOfflineStoreOptions(CLI::App& command, OfflineStoreOptions* options);

// The lock of the data folder; its failure says that the server runs.
[[nodiscard]] Result<std::unique_ptr<FileLock>> LockStore(const OfflineStoreOptions& options);

// A line on standard error that tells how far a phase is and how long it will take, when a person
// looks or wants it. Thread-safe.
class ProgressLine {
 public:
  explicit ProgressLine(bool wanted);
  ~ProgressLine();
  // `total` 0: not known.
  void Show(const char* phase, uint64_t done, uint64_t total);

 private:
  const bool terminal_;
  const bool shown_;
  std::mutex mutex_;
  std::string phase_;
  int64_t phase_began_ns_ = 0;
  int64_t last_ns_ = 0;
  bool line_open_ = false;
};

// Prints "ashlar: message" on standard error; for the end of a command.
int Fail(const Status& status);

}  // namespace ashlar::server

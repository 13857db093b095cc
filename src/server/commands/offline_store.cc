#include "server/commands/offline_store.h"

#include <cstdio>

#include "runtime/clock.h"

namespace ashlar::server {
namespace {

constexpr int64_t kTerminalStepNs = 200'000'000;
constexpr int64_t kPlainStepNs = 5'000'000'000;

}  // namespace

void AddOfflineStoreOptions(CLI::App& command, OfflineStoreOptions* options) {
  command.add_option("--data", options->data, "Folder of the store")
      ->envname("ASHLAR_DATA")
      ->required();
  command
      .add_option("--drive", options->drives,
                  "Folder of one drive; repeat for each (default: <data>/drive-01 ...)")
      ->envname("ASHLAR_DRIVES")
      ->delimiter(',');
  command.add_flag("--progress", options->progress,
                   "Tell the progress also when standard error is no terminal");
}

Result<std::unique_ptr<FileLock>> LockStore(const OfflineStoreOptions& options) {
  auto lock = FileLock::Acquire(options.data + "/ashlar.lock");
  if (lock.ok() || lock.code() != Code::kAlreadyExists) return lock;
  return Status(lock.code(), "the server runs on " + options.data + "; stop it first (" +
                                 lock.status().message() + ")");
}

ProgressLine::ProgressLine(bool wanted)
    : terminal_(StandardErrorIsTerminal()), shown_(wanted || terminal_) {}

ProgressLine::~ProgressLine() {
  if (line_open_) std::fprintf(stderr, "\n");
}

void ProgressLine::Show(const char* phase, uint64_t done, uint64_t total) {
  if (!shown_) return;
  const std::lock_guard lock(mutex_);
  const int64_t now = SystemClock().MonotonicNanoseconds();
  if (phase_ != phase) {
    if (line_open_) std::fprintf(stderr, "\n");
    line_open_ = false;
    phase_ = phase;
    phase_began_ns_ = now;
    last_ns_ = 0;
  }
  if (last_ns_ != 0 && now - last_ns_ < (terminal_ ? kTerminalStepNs : kPlainStepNs)) return;
  last_ns_ = now;
  const double seconds = static_cast<double>(now - phase_began_ns_) * 1e-9;
  std::fprintf(stderr, "%s%s: %llu", terminal_ ? "\r" : "", phase,
               static_cast<unsigned long long>(done));
  if (total > 0) {
    const double share = static_cast<double>(done) / static_cast<double>(total);
    std::fprintf(stderr, " of %llu (%.1f %%)", static_cast<unsigned long long>(total), 100 * share);
    if (share > 0.001) std::fprintf(stderr, ", %.0f s left", seconds / share - seconds);
  }
  std::fprintf(stderr, "%s", terminal_ ? "      " : "\n");
  std::fflush(stderr);
  line_open_ = terminal_;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "ashlar: %s\n", status.message().c_str());
  return 3;
}

}  // namespace ashlar::server

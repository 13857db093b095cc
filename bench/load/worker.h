// The event loop of the load generator. One worker is one thread with its own epoll, connections,
// signer and histograms; workers share two atomic counters and nothing else.
//
// Invariants:
// 1. Closed loop: each connection has one request under way; the next starts when it ends.
// 2. Open loop: requests fall due on a schedule that never looks at the server, and latency counts
//    from the due time, so that a stall is charged to all who would have come during it
//    (G. Tene's "coordinated omission").
// 3. Each request that was due is recorded once: answered, failed or timed out, always with its
//    latency.
// 4. A phase ends only when nothing is under way, so that server counters read before and after it
//    belong to its requests alone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "load/body.h"
#include "load/connection.h"
#include "load/histogram.h"
#include "load/request.h"
#include "load/response.h"

namespace ashlar::bench {

int64_t MonotonicNanoseconds();

struct WeightedOperation {
  Operation operation = Operation::kGet;
  double weight = 1;
};

struct Workload {
  std::vector<WeightedOperation> operations;
  // Reads pick among `objects` keys from `first_object` on, at random. Writes and deletes walk
  // through them in order; with several operations, they use the keys behind these instead.
  uint64_t objects = 0;  // 0: writes never come back to a key
  uint64_t first_object = 0;
  double verify_fraction = 0.01;  // of GET bodies compared with what they must be
  int64_t timeout_ns = 10'000'000'000;
};

struct Phase {
  int64_t duration_ns = 0;  // of issuing; 0: no limit
  uint64_t requests = 0;    // over all workers; 0: no limit
  double rate = 0;          // requests per second of this worker; 0: closed loop
  bool poisson = false;     // exponential gaps instead of equal ones
  double start_shift = 0;   // in gaps, so that the workers' fixed schedules interleave
};

struct SharedCounters {
  std::atomic<uint64_t> issued{0};  // in this phase
  std::atomic<uint64_t> writes{0};  // keys given to PUT since the start
  std::atomic<uint64_t> deletes{0};
};

struct Tally {
  std::array<Histogram, kOperationCount> latency_ns;  // failures included
  uint64_t http_4xx = 0;
  uint64_t http_5xx = 0;
  uint64_t timeouts = 0;
  uint64_t transport_errors = 0;
  uint64_t wrong_bodies = 0;  // of the wrong length or content
  uint64_t verified = 0;
  uint64_t reconnects = 0;  // a kept-alive connection had been closed; not an error
  uint64_t bytes_up = 0;    // object bytes of successful requests
  uint64_t bytes_down = 0;
  uint64_t backlog_max = 0;  // open loop: requests due that no connection was free for
  int64_t first_start_ns = INT64_MAX;
  int64_t last_end_ns = 0;
  std::string first_error;

  void Merge(const Tally& other);
  uint64_t Operations() const;
  uint64_t Errors() const;
};

class Worker {
 public:
  struct Options {
    const Dialer* dialer = nullptr;
    const BodyPool* pool = nullptr;
    SharedCounters* counters = nullptr;
    int connections = 1;
    uint64_t seed = 1;
  };

  Worker(const Options& options, const RequestContext& context, const Workload& workload);
  ~Worker();

  // Runs until the phase has been issued and answered. To be called by one thread at a time.
  Tally Run(const Phase& phase);

 private:
  class Slot;
  enum class Outcome { kAnswered, kTransportError, kTimeout };

  void PlanDue(int64_t now);
  bool MayIssue(int64_t now);
  void StartRequests(int64_t now);
  bool Finished(int64_t now) const;
  int64_t WaitNanoseconds(int64_t now) const;
  void WaitAndPump(int64_t now);
  void ExpireOverdue(int64_t now);

  RequestSpec NextRequest();
  void Start(Slot* slot, int64_t due, int64_t now);
  bool OpenStream(Slot* slot);
  void Pump(Slot* slot);
  bool PumpSend(Slot* slot);
  void PumpReceive(Slot* slot);
  void TransportFailed(Slot* slot, const std::string& why);
  void Complete(Slot* slot, Outcome outcome, const std::string& why);
  void Classify(Slot* slot);
  uint64_t Random();
  double RandomFraction();

  const Options options_;
  const RequestContext context_;
  const Workload workload_;
  double weight_total_ = 0;
  RequestRenderer renderer_;
  uint64_t random_state_;
  int epoll_ = -1;
  std::vector<char> buffer_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> idle_;
  std::vector<Slot*> unfinished_;  // stopped for fairness, with bytes still to move

  Phase phase_;
  Tally tally_;
  int64_t phase_start_ = 0;
  double next_due_ = 0;
  bool issue_ended_ = false;
  std::deque<int64_t> backlog_;
  int64_t next_expiry_check_ = 0;
  int failures_in_a_row_ = 0;
};

}  // namespace ashlar::bench

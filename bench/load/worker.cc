#include "load/worker.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>

namespace ashlar::bench {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
constexpr size_t kFirstReadBytes = 8 << 10;
constexpr uint64_t kBytesPerTurn = 4 << 20;
constexpr int64_t kExpiryPeriodNs = 20'000'000;
constexpr int kFailuresInARowMax = 1000;
constexpr int kVectors = 64;
constexpr int kEvents = 256;
constexpr size_t kErrorTextBytesMax = 400;

bool CountsWrites(Operation operation) { return operation == Operation::kPut; }

}  // namespace

int64_t MonotonicNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void Tally::Merge(const Tally& other) {
  for (int i = 0; i < kOperationCount; ++i) latency_ns[i].Merge(other.latency_ns[i]);
  http_4xx += other.http_4xx;
  http_5xx += other.http_5xx;
  timeouts += other.timeouts;
  transport_errors += other.transport_errors;
  wrong_bodies += other.wrong_bodies;
  verified += other.verified;
  reconnects += other.reconnects;
  bytes_up += other.bytes_up;
  bytes_down += other.bytes_down;
  backlog_max += other.backlog_max;
  first_start_ns = std::min(first_start_ns, other.first_start_ns);
  last_end_ns = std::max(last_end_ns, other.last_end_ns);
  if (first_error.empty()) first_error = other.first_error;
}

uint64_t Tally::Operations() const {
  uint64_t total = 0;
  for (const Histogram& histogram : latency_ns) total += histogram.count();
  return total;
}

uint64_t Tally::Errors() const {
  return http_4xx + http_5xx + timeouts + transport_errors + wrong_bodies;
}

// One connection and the request it carries.
class Worker::Slot : public BodySink {
 public:
  Slot(const Dialer* dialer, const BodyPool* body_pool) : stream(dialer), pool(body_pool) {}

  void OnBody(std::string_view piece) override {
    if (reader.status() >= 400) {
      const size_t room = kErrorTextBytesMax - std::min(kErrorTextBytesMax, error_text.size());
      error_text.append(piece.substr(0, room));
    } else if (verify) {
      wrong |= !pool->Equals(request.pool_offset, request.first_byte + reader.body_bytes(), piece);
    }
  }

  uint64_t RequestBytes() const { return request.head.size() + request.body.wire_bytes(); }

  Stream stream;
  const BodyPool* pool;
  RequestSpec spec;
  RenderedRequest request;
  ResponseReader reader;
  std::string error_text;
  int64_t due = 0;
  int64_t deadline = 0;
  uint64_t sent = 0;
  bool busy = false;
  bool reused = false;   // the stream has carried a request before
  bool retried = false;  // this request has been sent again on a fresh stream
  bool verify = false;
  bool wrong = false;
  bool queued = false;  // in unfinished_
};

Worker::Worker(const Options& options, const RequestContext& context, const Workload& workload)
    : options_(options),
      context_(context),
      workload_(workload),
      renderer_(context, options.pool),
      random_state_(options.seed * 0x9e3779b97f4a7c15),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kBufferBytes) {
  for (const WeightedOperation& entry : workload_.operations) weight_total_ += entry.weight;
  for (int i = 0; i < options_.connections; ++i) {
    slots_.push_back(std::make_unique<Slot>(options_.dialer, options_.pool));
    idle_.push_back(slots_.back().get());
  }
}

Worker::~Worker() {
  slots_.clear();
  close(epoll_);
}

uint64_t Worker::Random() {
  uint64_t z = random_state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

double Worker::RandomFraction() { return static_cast<double>(Random() >> 11) * 0x1.0p-53; }

Tally Worker::Run(const Phase& phase) {
  phase_ = phase;
  tally_ = Tally();
  phase_start_ = MonotonicNanoseconds();
  next_expiry_check_ = phase_start_ + kExpiryPeriodNs;
  issue_ended_ = false;
  failures_in_a_row_ = 0;
  backlog_.clear();
  const double gap = phase_.rate > 0 ? 1e9 / phase_.rate : 0;
  next_due_ = static_cast<double>(phase_start_) + gap * phase_.start_shift;
  for (;;) {
    int64_t now = MonotonicNanoseconds();
    StartRequests(now);
    if (Finished(now)) return std::move(tally_);
    WaitAndPump(now);
    now = MonotonicNanoseconds();
    if (now >= next_expiry_check_) {
      next_expiry_check_ = now + kExpiryPeriodNs;
      ExpireOverdue(now);
    }
  }
}

// Takes one request from the budgets of the phase; once it says no it never says yes again.
bool Worker::MayIssue(int64_t now) {
  if (issue_ended_) return false;
  issue_ended_ = phase_.duration_ns > 0 && now - phase_start_ >= phase_.duration_ns;
  if (failures_in_a_row_ >= kFailuresInARowMax) issue_ended_ = true;
  if (!issue_ended_ && phase_.requests > 0) {
    issue_ended_ = options_.counters->issued.fetch_add(1) >= phase_.requests;
  }
  return !issue_ended_;
}

void Worker::PlanDue(int64_t now) {
  const double gap = 1e9 / phase_.rate;
  while (!issue_ended_ && next_due_ <= static_cast<double>(now)) {
    const auto due = static_cast<int64_t>(next_due_);
    if (!MayIssue(due)) return;
    backlog_.push_back(due);
    next_due_ += phase_.poisson ? -std::log1p(-RandomFraction()) * gap : gap;
  }
}

void Worker::StartRequests(int64_t now) {
  if (phase_.rate > 0) {
    PlanDue(now);
    while (!backlog_.empty() && !idle_.empty()) {
      Slot* slot = idle_.back();
      idle_.pop_back();
      const int64_t due = backlog_.front();
      backlog_.pop_front();
      Start(slot, due, now);
    }
    tally_.backlog_max = std::max<uint64_t>(tally_.backlog_max, backlog_.size());
    return;
  }
  // Bounded by the number of connections: a request that fails at once must not keep us here.
  for (size_t i = 0; i < slots_.size() && !idle_.empty() && MayIssue(now); ++i) {
    Slot* slot = idle_.back();
    idle_.pop_back();
    Start(slot, now, now);
  }
}

bool Worker::Finished(int64_t) const {
  return issue_ended_ && backlog_.empty() && idle_.size() == slots_.size();
}

int64_t Worker::WaitNanoseconds(int64_t now) const {
  if (!unfinished_.empty()) return 0;
  int64_t wait = std::max<int64_t>(0, next_expiry_check_ - now);
  if (phase_.rate > 0) {
    if (!issue_ended_) wait = std::min(wait, static_cast<int64_t>(next_due_) - now);
  } else if (!idle_.empty() && !issue_ended_) {
    wait = std::min<int64_t>(wait, 1'000'000);  // after a failure: a short rest, then again
  }
  return std::max<int64_t>(0, wait);
}

void Worker::WaitAndPump(int64_t now) {
  std::array<epoll_event, kEvents> events;
  const int64_t wait = WaitNanoseconds(now);
  const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
  const int count = epoll_pwait2(epoll_, events.data(), kEvents, &timeout, nullptr);
  std::vector<Slot*> turn;
  turn.swap(unfinished_);
  for (Slot* slot : turn) slot->queued = false;
  for (Slot* slot : turn) Pump(slot);
  for (int i = 0; i < count; ++i) Pump(static_cast<Slot*>(events[static_cast<size_t>(i)].data.ptr));
}

void Worker::ExpireOverdue(int64_t now) {
  for (const auto& slot : slots_) {
    if (slot->busy && now >= slot->deadline) Complete(slot.get(), Outcome::kTimeout, "timed out");
  }
  // Requests that were due but never found a free connection.
  while (!backlog_.empty() && now - backlog_.front() >= workload_.timeout_ns) {
    const RequestSpec spec = NextRequest();
    tally_.latency_ns[static_cast<size_t>(spec.operation)].Record(
        static_cast<uint64_t>(now - backlog_.front()));
    ++tally_.timeouts;
    if (tally_.first_error.empty()) tally_.first_error = "no connection became free in time";
    backlog_.pop_front();
  }
}

RequestSpec Worker::NextRequest() {
  RequestSpec spec;
  double point = RandomFraction() * weight_total_;
  for (const WeightedOperation& entry : workload_.operations) {
    spec.operation = entry.operation;
    point -= entry.weight;
    if (point < 0) break;
  }
  const uint64_t objects = workload_.objects;
  const bool mixed = workload_.operations.size() > 1;
  if (spec.operation == Operation::kPut || spec.operation == Operation::kDelete) {
    auto& counter =
        CountsWrites(spec.operation) ? options_.counters->writes : options_.counters->deletes;
    const uint64_t turn = counter.fetch_add(1, std::memory_order_relaxed);
    if (mixed) {
      spec.object = workload_.first_object + objects + turn;
    } else {
      spec.object = workload_.first_object + (objects == 0 ? turn : turn % objects);
    }
  } else {
    spec.object = workload_.first_object + Random() % std::max<uint64_t>(1, objects);
  }
  if (spec.operation == Operation::kRangeGet) {
    const uint64_t starts = context_.object_bytes - context_.range_bytes + 1;
    spec.range_start = Random() % starts;
  }
  return spec;
}

bool Worker::OpenStream(Slot* slot) {
  slot->reused = false;
  if (!slot->stream.Open()) return false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = slot;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, slot->stream.fd(), &event) == 0;
}

void Worker::Start(Slot* slot, int64_t due, int64_t now) {
  slot->spec = NextRequest();
  renderer_.Render(slot->spec, time(nullptr), &slot->request);
  slot->due = due;
  slot->deadline = now + workload_.timeout_ns;
  slot->sent = 0;
  slot->busy = true;
  slot->retried = false;
  slot->wrong = false;
  slot->error_text.clear();
  slot->verify = slot->request.exact_length && RandomFraction() < workload_.verify_fraction;
  slot->reader.Start(slot->spec.operation == Operation::kHead);
  tally_.first_start_ns = std::min(tally_.first_start_ns, due);
  if (!slot->stream.open() && !OpenStream(slot)) {
    Complete(slot, Outcome::kTransportError, slot->stream.error());
    return;
  }
  if (!PumpSend(slot)) PumpReceive(slot);
}

// Called on any event of the slot; tries whatever may be possible, until the kernel says "not now".
void Worker::Pump(Slot* slot) {
  if (!slot->stream.open()) return;
  if (!slot->busy) {
    char byte = 0;
    // Between requests only the end of the connection may arrive.
    if (slot->reused && slot->stream.Receive(&byte, 1) != kWouldBlock) slot->stream.Close();
    return;
  }
  PumpSend(slot);
  if (slot->busy) PumpReceive(slot);
}

// False when sending failed; an answer that explains it may still be waiting to be read.
bool Worker::PumpSend(Slot* slot) {
  uint64_t moved = 0;
  const uint64_t head_bytes = slot->request.head.size();
  while (slot->sent < slot->RequestBytes()) {
    if (moved >= kBytesPerTurn) {
      if (!slot->queued) unfinished_.push_back(slot);
      slot->queued = true;
      return true;
    }
    std::array<iovec, kVectors> vectors;
    int count = 0;
    if (slot->sent < head_bytes) {
      vectors[count++] = {slot->request.head.data() + slot->sent, head_bytes - slot->sent};
    }
    const uint64_t body_at = slot->sent < head_bytes ? 0 : slot->sent - head_bytes;
    count += slot->request.body.Gather(body_at, vectors.data() + count, kVectors - count);
    const ssize_t sent = slot->stream.Send(vectors.data(), count);
    if (sent == kWouldBlock) return true;
    if (sent <= 0) return false;
    slot->sent += static_cast<uint64_t>(sent);
    moved += static_cast<uint64_t>(sent);
  }
  return true;
}

void Worker::PumpReceive(Slot* slot) {
  uint64_t moved = 0;
  for (;;) {
    if (moved >= kBytesPerTurn) {
      if (!slot->queued) unfinished_.push_back(slot);
      slot->queued = true;
      return;
    }
    const uint64_t skippable = slot->reader.SkippableBytes();
    const bool skip = skippable > 0 && !slot->verify && slot->reader.status() < 400;
    // An unverified large body is to be dropped in the kernel, so read little beyond the head.
    const bool large = slot->request.answer_bytes > kBufferBytes / 4 && !slot->verify;
    const size_t capacity = large && !slot->reader.started() ? kFirstReadBytes : buffer_.size();
    const ssize_t got = skip ? slot->stream.Discard(skippable, buffer_.data(), buffer_.size())
                             : slot->stream.Receive(buffer_.data(), capacity);
    if (got == kWouldBlock) return;
    if (got == kClosed && slot->reader.OnClose()) return Complete(slot, Outcome::kAnswered, "");
    if (got <= 0) {
      return TransportFailed(slot, got == kClosed ? "connection closed" : slot->stream.error());
    }
    moved += static_cast<uint64_t>(got);
    if (skip) {
      slot->reader.Skip(static_cast<uint64_t>(got));
    } else if (!slot->reader.Consume({buffer_.data(), static_cast<size_t>(got)}, slot)) {
      slot->retried = true;  // malformed: sending it again would hide a fault
      return TransportFailed(slot, "malformed response");
    }
    if (slot->reader.done()) return Complete(slot, Outcome::kAnswered, "");
  }
}

void Worker::TransportFailed(Slot* slot, const std::string& why) {
  const bool stale = slot->reused && !slot->retried && !slot->reader.started();
  if (!stale) return Complete(slot, Outcome::kTransportError, why);
  // The server closed a kept-alive connection while our request was on its way: by RFC 9112 section
  // 9.3.1 an idempotent request is sent again. All of ours are.
  ++tally_.reconnects;
  slot->stream.Close();
  slot->retried = true;
  slot->sent = 0;
  if (!OpenStream(slot)) return Complete(slot, Outcome::kTransportError, slot->stream.error());
  PumpSend(slot);
}

void Worker::Complete(Slot* slot, Outcome outcome, const std::string& why) {
  const int64_t now = MonotonicNanoseconds();
  tally_.latency_ns[static_cast<size_t>(slot->spec.operation)].Record(
      static_cast<uint64_t>(std::max<int64_t>(0, now - slot->due)));
  tally_.last_end_ns = std::max(tally_.last_end_ns, now);
  failures_in_a_row_ = outcome == Outcome::kTransportError ? failures_in_a_row_ + 1 : 0;
  if (outcome == Outcome::kAnswered) {
    Classify(slot);
  } else {
    ++(outcome == Outcome::kTimeout ? tally_.timeouts : tally_.transport_errors);
    if (tally_.first_error.empty()) tally_.first_error = why;
  }
  const bool reusable = outcome == Outcome::kAnswered && !slot->reader.close_after() &&
                        slot->sent == slot->RequestBytes();
  if (!reusable) slot->stream.Close();
  slot->reused = reusable;
  slot->busy = false;
  idle_.push_back(slot);
}

void Worker::Classify(Slot* slot) {
  const int status = slot->reader.status();
  const bool bucket_there = slot->spec.operation == Operation::kCreateBucket && status == 409;
  std::string problem;
  if (status >= 500) {
    ++tally_.http_5xx;
  } else if ((status < 200 || status >= 300) && !bucket_there) {
    ++tally_.http_4xx;
  } else if (slot->wrong || (slot->request.exact_length &&
                             slot->reader.body_bytes() != slot->request.answer_bytes)) {
    ++tally_.wrong_bodies;
    problem = "wrong body of " + renderer_.KeyOf(slot->spec.object) + ", " +
              std::to_string(slot->reader.body_bytes()) + " bytes";
  } else {
    if (slot->verify) ++tally_.verified;
    if (slot->spec.operation == Operation::kPut) tally_.bytes_up += context_.object_bytes;
    if (slot->request.exact_length) tally_.bytes_down += slot->reader.body_bytes();
    return;
  }
  if (!tally_.first_error.empty()) return;
  if (problem.empty()) problem = "HTTP " + std::to_string(status) + " " + slot->error_text;
  tally_.first_error = problem;
}

}  // namespace ashlar::bench

// Deadline: a wait that has an end, for waits that nearly never reach it. Arming and disarming cost
// a step in a small tree and nothing of the heap; one timer of the executor serves them all.
//
// Invariants
//  1. Armed, it calls Expire once, on its executor, when the time is over: never before, and never
//     after Disarm or the destructor.
//  2. Everything happens on the executor it is armed on. An executor that ends disarms all.
#pragma once

#include <boost/intrusive/set.hpp>
#include <chrono>
#include <cstdint>

namespace ashlar {

class Executor;

class Deadline : public boost::intrusive::set_base_hook<> {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() { Disarm(); }

  // On the current executor.
  void Arm(std::chrono::nanoseconds delay);
  void Disarm();

 protected:
  virtual void Expire() = 0;

 private:
  friend class DeadlineQueue;
  friend bool operator<(const Deadline& a, const Deadline& b) { return a.due_ < b.due_; }

  Executor* executor_ = nullptr;  // while armed
  int64_t due_ = 0;
};

// Those of one executor, by the time they are due.
class DeadlineQueue {
 public:
  explicit DeadlineQueue(Executor& executor) : executor_(executor) {}
  // Disarms those that outlive the executor (a simulated world that is given up).
  ~DeadlineQueue();

 private:
  friend class Deadline;
  void Add(Deadline& deadline);
  void Remove(Deadline& deadline);
  void StartTimer();
  void OnTimer(int64_t due);

  Executor& executor_;
  boost::intrusive::multiset<Deadline> armed_;
  // When the earliest timer of ours fires; 0: none runs. It may find nothing due: then it is
  // started anew, so that an executor with many short waits has few timers.
  int64_t timer_due_ = 0;
};

}  // namespace ashlar

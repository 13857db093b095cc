// ReadPool: a few threads for reads that may wait for the disk, so that event loops do not.
//
// Invariants: the queue is bounded; a job that was taken always runs; the destructor runs what is
// queued and joins. A job answers through a OneShot that its coroutine owns.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ashlar::metadata_db {

class ReadPool {
 public:
  ReadPool(int threads, size_t queued_max);
  ~ReadPool();
  // False: the queue is full; the job will not run.
  [[nodiscard]] bool Run(std::function<void()> job);

 private:
  void Work();

  const size_t queued_max_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ashlar::metadata_db

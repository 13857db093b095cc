#include "runtime/disk/blocking_pool.h"

#include <pthread.h>

#include "runtime/loop/cpu_affinity.h"

namespace ashlar {

BlockingPool::BlockingPool(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Work(); });
    pthread_setname_np(threads_.back().native_handle(), "blocking");
  }
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

BlockingPool& BlockingPool::Shared() {
  // As many as there are drives in the default set-up, so that one slow drive does not stop others.
  static BlockingPool pool(16);
  return pool;
}

void BlockingPool::Enqueue(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    CHECK(!stopping_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void BlockingPool::Work() {
  RunOnAnyCpu();  // the loop that needed the pool first may stay on its own
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace ashlar

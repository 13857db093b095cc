#include "runtime/deadline.h"

#include "base/check.h"
#include "runtime/executor.h"

namespace ashlar {

void Deadline::Arm(std::chrono::nanoseconds delay) {
  CHECK(executor_ == nullptr);
  executor_ = Executor::Current();
  CHECK(executor_ != nullptr);
  due_ = executor_->MonotonicNanoseconds() + delay.count();
  executor_->deadlines_.Add(*this);
}

void Deadline::Disarm() {
  if (executor_ != nullptr) executor_->deadlines_.Remove(*this);
}

DeadlineQueue::~DeadlineQueue() {
  for (Deadline& deadline : armed_) deadline.executor_ = nullptr;
  armed_.clear();
}

void DeadlineQueue::Add(Deadline& deadline) {
  armed_.insert(deadline);
  StartTimer();
}

void DeadlineQueue::Remove(Deadline& deadline) {
  CHECK(deadline.executor_ == &executor_);
  armed_.erase(armed_.iterator_to(deadline));
  deadline.executor_ = nullptr;
}

void DeadlineQueue::StartTimer() {
  if (armed_.empty()) return;
  const int64_t due = armed_.begin()->due_;
  if (timer_due_ != 0 && timer_due_ <= due) return;
  timer_due_ = due;
  const Duration delay(due - executor_.MonotonicNanoseconds());
  executor_.PostFunctionAfter(delay, [this, due] { OnTimer(due); });
}

void DeadlineQueue::OnTimer(int64_t due) {
  if (due != timer_due_) return;  // one that an earlier deadline has overtaken
  timer_due_ = 0;
  const int64_t now = executor_.MonotonicNanoseconds();
  while (!armed_.empty() && armed_.begin()->due_ <= now) {
    Deadline& deadline = *armed_.begin();
    Remove(deadline);
    deadline.Expire();  // may arm others
  }
  StartTimer();
}

}  // namespace ashlar

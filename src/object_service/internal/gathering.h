// Gathering: several tasks of one kind, started on the calling executor, of which the owner waits
// for enough. Those it does not wait for run on in the background scope and keep what they use
// alive through the shared pointers they hold: a hung drive holds its own buffer, not the request.
//
// Lives on one executor: tasks start and end there, so there is no lock.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/deadline.h"
#include "runtime/executor.h"
#include "runtime/pooled.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::object_service {

template <typename T>
class Gathering : public std::enable_shared_from_this<Gathering<T>> {
  struct Key {};  // only Create makes one

 public:
  Gathering(Key, TaskScope& scope) : scope_(scope) {}
  static std::shared_ptr<Gathering> Create(TaskScope& scope) {
    return MakePooled<Gathering>(Key(), scope);
  }

  // Returns the index of its result.
  size_t Start(Task<T> task) {
    results_.emplace_back();
    const size_t index = results_.size() - 1;
    scope_.Spawn(*Executor::Current(), Run(this->shared_from_this(), index, std::move(task)));
    return index;
  }

  size_t size() const { return results_.size(); }
  size_t done() const { return done_; }
  size_t successes() const { return successes_; }
  bool AllDone() const { return done_ == results_.size(); }
  // Null while it runs.
  T* result(size_t index) { return results_[index] ? &*results_[index] : nullptr; }

  // Until all are done or `enough` says so. With `patience`: returns when it is over, too.
  Task<void> Wait(std::function<bool()> enough, std::optional<Duration> patience) {
    if (AllDone() || enough()) co_return;
    CHECK(!waiting_);
    waiting_ = true;
    enough_ = std::move(enough);
    OneShot<Unit>& woken = wake_.emplace();
    if (patience) patience_.Arm(*patience);
    co_await woken;
  }

 private:
  class Patience final : public Deadline {
   public:
    explicit Patience(Gathering& gathering) : gathering_(gathering) {}

   private:
    void Expire() override { gathering_.Wake(); }
    Gathering& gathering_;
  };

  static Task<void> Run(std::shared_ptr<Gathering> self, size_t index, Task<T> task) {
    {
      const Task<T> owned = std::move(task);
      T value = co_await owned;
      if (value.ok()) ++self->successes_;
      self->results_[index].emplace(std::move(value));
    }
    ++self->done_;
    if (self->waiting_ && (self->AllDone() || self->enough_())) self->Wake();
  }

  void Wake() {
    CHECK(waiting_);
    waiting_ = false;
    patience_.Disarm();
    enough_ = nullptr;
    wake_->Set(Unit{});
  }

  TaskScope& scope_;
  PooledVector<std::optional<T>> results_;
  size_t done_ = 0;
  size_t successes_ = 0;
  bool waiting_ = false;
  std::optional<OneShot<Unit>> wake_;
  std::function<bool()> enough_;
  Patience patience_{*this};
};

}  // namespace ashlar::object_service

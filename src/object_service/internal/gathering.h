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
#include <vector>

#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::object_service {

template <typename T>
class Gathering : public std::enable_shared_from_this<Gathering<T>> {
 public:
  static std::shared_ptr<Gathering> Create(TaskScope& scope) {
    return std::shared_ptr<Gathering>(new Gathering(scope));
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
    auto wake = std::make_shared<OneShot<Unit>>();
    wake_ = wake;
    enough_ = std::move(enough);
    if (patience) {
      Executor::Current()->PostFunctionAfter(*patience, [weak = this->weak_from_this(), wake] {
        const std::shared_ptr<Gathering> self = weak.lock();
        if (self != nullptr && self->wake_ == wake) self->Wake();
      });
    }
    OneShot<Unit>& woken = *wake;
    co_await woken;
  }

 private:
  explicit Gathering(TaskScope& scope) : scope_(scope) {}

  static Task<void> Run(std::shared_ptr<Gathering> self, size_t index, Task<T> task) {
    {
      const Task<T> owned = std::move(task);
      T value = co_await owned;
      if (value.ok()) ++self->successes_;
      self->results_[index].emplace(std::move(value));
    }
    ++self->done_;
    if (self->wake_ != nullptr && (self->AllDone() || self->enough_())) self->Wake();
  }

  void Wake() {
    enough_ = nullptr;
    std::exchange(wake_, nullptr)->Set(Unit{});
  }

  TaskScope& scope_;
  std::vector<std::optional<T>> results_;
  size_t done_ = 0;
  size_t successes_ = 0;
  std::shared_ptr<OneShot<Unit>> wake_;
  std::function<bool()> enough_;
};

}  // namespace ashlar::object_service

// WaitPatiently: several tasks on one executor, of which the owner waits for all, but not for ever.
// One that hangs runs on in the scope given; it keeps what it uses alive by shared pointers of its
// own. Its result stays empty.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::cluster {

namespace internal {

template <typename T>
struct PatientWait {
  std::vector<std::optional<T>> results;
  size_t running = 0;
  bool over = false;  // the owner has been told
  OneShot<Unit> told;
  void Tell() {
    if (over) return;
    over = true;
    told.Set(Unit{});
  }
};

template <typename T>
Task<void> RunPatiently(std::shared_ptr<PatientWait<T>> wait, size_t index, Task<T> task) {
  {
    const Task<T> owned = std::move(task);
    T value = co_await owned;
    if (!wait->over) wait->results[index].emplace(std::move(value));
  }
  if (--wait->running == 0) wait->Tell();
}

}  // namespace internal

template <typename T>
Task<std::vector<std::optional<T>>> WaitPatiently(TaskScope& scope, Duration patience,
                                                  std::vector<Task<T>> tasks) {
  auto wait = std::make_shared<internal::PatientWait<T>>();
  wait->results.resize(tasks.size());
  wait->running = tasks.size() + 1;
  for (size_t i = 0; i < tasks.size(); ++i) {
    scope.Spawn(*Executor::Current(), internal::RunPatiently(wait, i, std::move(tasks[i])));
  }
  if (--wait->running > 0) {
    Executor::Current()->PostFunctionAfter(patience, [weak = std::weak_ptr(wait)] {
      if (const auto held = weak.lock()) held->Tell();
    });
    OneShot<Unit>& told = wait->told;
    co_await told;
  }
  wait->over = true;
  co_return std::move(wait->results);
}

}  // namespace ashlar::cluster

// EventLoop: one thread, one epoll (Asio) and one io_uring. EventLoopGroup: one loop a core.
//
// Sockets are accepted on the first loop and dealt out in turn; a connection stays on its loop.
// File operations of a coroutine go to the ring of the loop it runs on, and all that one turn of
// the loop produced is submitted by one system call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/executor.h"
#include "runtime/network.h"
#include "runtime/task.h"

namespace ashlar {

class EventLoop;

class EventLoopGroup {
 public:
  // Starts `loops` threads; 0: one for each CPU, which stays there. A loop and the kernel's workers
  // that it starts then wake each other on their CPU: a seventh less for a small PUT.
  explicit EventLoopGroup(int loops);
  // Stops and joins the threads. All TaskScopes must have been joined.
  ~EventLoopGroup();
  EventLoopGroup(const EventLoopGroup&) = delete;
  EventLoopGroup& operator=(const EventLoopGroup&) = delete;

  size_t size() const;
  Executor& loop(size_t index);
  // In turn, for work without a home.
  Executor& Next();

  // `on_stream` runs on the loop of the new stream. kUnavailable with a clear text when the port is
  // in use, kInvalidArgument for a bad address or unreadable certificate.
  Result<std::unique_ptr<Listener>> Listen(
      const ListenOptions& options,
      std::function<void(std::unique_ptr<Stream>, Executor&)> on_stream);

  // Runs `task` on the first loop and blocks the calling thread (not a loop) until it is done.
  void RunToCompletion(Task<void> task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Runs `task` on the group and gives its value to a plain thread (tests, start-up).
template <typename T>
T RunBlocking(EventLoopGroup& group, Task<T> task) {
  std::optional<T> value;
  auto wrapper = [](Task<T> inner, std::optional<T>* out) -> Task<void> {
    out->emplace(co_await inner);
  };
  group.RunToCompletion(wrapper(std::move(task), &value));
  return std::move(*value);
}

}  // namespace ashlar

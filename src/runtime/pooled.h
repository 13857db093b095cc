// Values and shared state that a request makes and drops again, in memory of the frame pool: like
// their namesakes of the standard library, but without the heap once the pool is warm.
//
// Any thread may free what another one made. For what outlives requests (caches, tables) take the
// standard types: the pool gives memory back only in blocks of the size that was asked for.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/frame_pool.h"

namespace ashlar {

template <typename T>
struct PooledAllocator {
  using value_type = T;
  PooledAllocator() = default;
  template <typename U>
  PooledAllocator(const PooledAllocator<U>&) noexcept {}  // NOLINT: allocators convert
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "the pool aligns like new");

  T* allocate(size_t count) {
    if (count > static_cast<size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(internal::AllocateFrame(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t count) noexcept {
    internal::FreeFrame(memory, count * sizeof(T));
  }
  friend bool operator==(const PooledAllocator&, const PooledAllocator&) { return true; }
};

using PooledString = std::basic_string<char, std::char_traits<char>, PooledAllocator<char>>;
template <typename T>
using PooledVector = std::vector<T, PooledAllocator<T>>;

template <typename T, typename... Arguments>
std::shared_ptr<T> MakePooled(Arguments&&... arguments) {
  return std::allocate_shared<T>(PooledAllocator<T>(), std::forward<Arguments>(arguments)...);
}

// For maps with keys of std::string that are looked up by whatever reads as a string_view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace ashlar

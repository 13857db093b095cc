// A library for LD_PRELOAD that counts the heap allocations of a program: the first eight bytes of
// the file that ASHLAR_ALLOCATIONS_FILE names (it must exist and have them) hold the count so far.
// Counted are malloc, calloc, aligned_alloc and posix_memalign, hence operator new, of all threads;
// a realloc counts as one. Only for measuring: the program itself knows nothing of it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

// The names that glibc gives its own functions.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace {

using Count = std::atomic<uint64_t>;
constinit std::atomic<Count*> shared_count{nullptr};

[[gnu::constructor]] void Begin() {
  const char* path = std::getenv("ASHLAR_ALLOCATIONS_FILE");
  const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = mmap(nullptr, sizeof(Count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) shared_count = static_cast<Count*>(mapped);
}

void CountOne() {
  Count* const count = shared_count.load(std::memory_order_relaxed);
  if (count != nullptr) count->fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  CountOne();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  CountOne();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  CountOne();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  CountOne();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  CountOne();
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#include "runtime/loop/cpu_affinity.h"

#include <sched.h>

#include <algorithm>
#include <array>

namespace ashlar {
namespace {

// 16,384 CPUs; a machine with more just keeps no thread in its place.
using CpuSet = std::array<cpu_set_t, 16>;
constexpr size_t kCpusMax = sizeof(CpuSet) * 8;

// As it was before any thread was told to stay.
const CpuSet& ProcessCpus() {
  static const CpuSet cpus = [] {
    CpuSet allowed{};
    if (sched_getaffinity(0, sizeof(allowed), allowed.data()) != 0) allowed = {};
    return allowed;
  }();
  return cpus;
}

void RunOn(const CpuSet& cpus) { (void)sched_setaffinity(0, sizeof(cpus), cpus.data()); }

}  // namespace

size_t ProcessCpuCount() {
  return std::max<size_t>(1,
                          static_cast<size_t>(CPU_COUNT_S(sizeof(CpuSet), ProcessCpus().data())));
}

void StayOnCpu(size_t index) {
  for (size_t cpu = 0; cpu < kCpusMax; ++cpu) {
    if (!CPU_ISSET_S(cpu, sizeof(CpuSet), ProcessCpus().data()) || index-- > 0) continue;
    CpuSet one{};
    CPU_SET_S(cpu, sizeof(one), one.data());
    RunOn(one);
    return;
  }
}

void RunOnAnyCpu() {
  if (CPU_COUNT_S(sizeof(CpuSet), ProcessCpus().data()) > 0) RunOn(ProcessCpus());
}

}  // namespace ashlar

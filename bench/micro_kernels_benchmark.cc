// The kernels alone, hot in cache: digests, checksums and the erasure code.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

#include "base/digest.h"
#include "base/digest_kernels.h"
#include "erasure_encoder/erasure_encoder.h"

namespace ashlar {
namespace {

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937_64 random(1);
  std::vector<uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

void SetBytes(benchmark::State& state, size_t bytes_per_iteration) {
  state.SetBytesProcessed(static_cast<int64_t>(bytes_per_iteration * state.iterations()));
}

// Arguments: how many inputs, bytes of each.
template <void (*kFunction)(std::span<const ByteSpan>, std::span<Sha256Digest>)>
void BM_Sha256(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  const auto size = static_cast<size_t>(state.range(1));
  const auto bytes = RandomBytes(count * size);
  std::vector<ByteSpan> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(ByteSpan(bytes).subspan(i * size, size));
  std::vector<Sha256Digest> digests(count);
  for (auto _ : state) {
    kFunction(inputs, digests);
    benchmark::DoNotOptimize(digests.data());
    benchmark::ClobberMemory();
  }
  SetBytes(state, count * size);
}
void LeafCounts(benchmark::internal::Benchmark* benchmark) {
  for (const int count : {1, 2, 3, 4, 14}) benchmark->Args({count, 16384});
  benchmark->Args({14, 512});
}
BENCHMARK_TEMPLATE(BM_Sha256, Sha256ManyPortable)->Apply(LeafCounts);
BENCHMARK_TEMPLATE(BM_Sha256, Sha256Many)->Apply(LeafCounts);

// The bar: how many times as fast as OpenSSL's single stream, both measured in turn and each at its
// best, so that a neighbour on the machine slows neither alone. Argument: how many inputs.
void BM_Sha256AgainstOpenSsl(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t kSize = 16384;
  const auto count = static_cast<size_t>(state.range(0));
  const auto bytes = RandomBytes(count * kSize);
  std::vector<ByteSpan> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(ByteSpan(bytes).subspan(i * kSize, kSize));
  std::vector<Sha256Digest> digests(count);
  auto one_best = Clock::duration::max();
  auto all_best = Clock::duration::max();
  for (auto _ : state) {
    const auto started = Clock::now();
    Sha256ManyPortable(std::span(inputs).first(1), std::span(digests).first(1));
    const auto between = Clock::now();
    Sha256Many(inputs, digests);
    const auto ended = Clock::now();
    one_best = std::min(one_best, between - started);
    all_best = std::min(all_best, ended - between);
  }
  state.counters["times"] = static_cast<double>(count) * static_cast<double>(one_best.count()) /
                            static_cast<double>(all_best.count());
}
BENCHMARK(BM_Sha256AgainstOpenSsl)->Arg(1)->Arg(2)->Arg(3)->Arg(4)->Iterations(20000);

void BM_Md5(benchmark::State& state) {
  const auto bytes = RandomBytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Md5(bytes));
  SetBytes(state, bytes.size());
}
BENCHMARK(BM_Md5)->Arg(512)->Arg(65536);

// Arguments: how many streams, whether they have SHA-256 beside MD5. Pieces of 64 KiB.
template <void (*kFunction)(std::span<const HashWork>)>
void BM_Streams(benchmark::State& state) {
  constexpr size_t kPieceBytes = 65536;
  const auto count = static_cast<size_t>(state.range(0));
  const auto bytes = RandomBytes(count * kPieceBytes);
  std::vector<Md5Hasher> md5(count);
  std::vector<Sha256Hasher> sha256(count);
  std::vector<HashWork> work;
  for (size_t i = 0; i < count; ++i) {
    work.push_back({&md5[i], state.range(1) != 0 ? &sha256[i] : nullptr,
                    ByteSpan(bytes).subspan(i * kPieceBytes, kPieceBytes)});
  }
  for (auto _ : state) kFunction(work);
  SetBytes(state, bytes.size());
}
void StreamCounts(benchmark::internal::Benchmark* benchmark) {
  for (const int with_sha256 : {0, 1}) {
    for (const int count : {1, 2, 3, 4, 8, 16}) benchmark->Args({count, with_sha256});
  }
}
BENCHMARK_TEMPLATE(BM_Streams, UpdateTogetherPortable)->Args({1, 0})->Args({1, 1});
BENCHMARK_TEMPLATE(BM_Streams, UpdateTogether)->Apply(StreamCounts);

// The kernel of CPUs without AVX-512. Argument: how many streams.
void BM_Md5EightAvx2(benchmark::State& state) {
  constexpr size_t kBlocks = 1024;
  const auto bytes = RandomBytes(kBlocks * 64);
  std::vector<digest_kernels::StreamLane> lanes(static_cast<size_t>(state.range(0)));
  std::vector<digest_kernels::StreamLane*> pointers;
  for (auto& lane : lanes) {
    lane.next = bytes.data();
    pointers.push_back(&lane);
  }
  if (!digest_kernels::CpuHasAvx2()) return state.SkipWithError("no AVX2");
  for (auto _ : state) digest_kernels::Md5EightAvx2(pointers, kBlocks);
  SetBytes(state, bytes.size() * lanes.size());
}
BENCHMARK(BM_Md5EightAvx2)->Arg(2)->Arg(8);

void BM_HmacSha256(benchmark::State& state) {
  const auto bytes = RandomBytes(32);
  for (auto _ : state) benchmark::DoNotOptimize(HmacSha256(bytes, bytes));
}
BENCHMARK(BM_HmacSha256);

template <typename Word, Word (*kFunction)(Word, ByteSpan)>
void BM_Crc(benchmark::State& state) {
  const auto bytes = RandomBytes(static_cast<size_t>(state.range(0)));
  Word crc = 0;
  for (auto _ : state) benchmark::DoNotOptimize(crc = kFunction(crc, bytes));
  SetBytes(state, bytes.size());
}
BENCHMARK_TEMPLATE(BM_Crc, uint32_t, Crc32)->Arg(512)->Arg(65536);
BENCHMARK_TEMPLATE(BM_Crc, uint32_t, Crc32c)->Arg(512)->Arg(65536);
BENCHMARK_TEMPLATE(BM_Crc, uint64_t, Crc64NvmePortable)->Arg(512)->Arg(65536);
uint64_t Crc64NvmeNarrow(uint64_t crc, ByteSpan bytes) {
  return ~digest_kernels::Crc64NvmeFold(~crc, bytes);  // x86-64 only
}
BENCHMARK_TEMPLATE(BM_Crc, uint64_t, Crc64NvmeNarrow)->Arg(512)->Arg(65536);
BENCHMARK_TEMPLATE(BM_Crc, uint64_t, Crc64Nvme)->Arg(512)->Arg(65536);

void BM_Crc64NvmeCombine(benchmark::State& state) {
  uint64_t crc = 1;
  for (auto _ : state) benchmark::DoNotOptimize(crc = Crc64NvmeCombine(crc, crc, 8 << 20));
}
BENCHMARK(BM_Crc64NvmeCombine);

// A 10+4 stripe. Bytes counted are those of the data shards.
struct Stripe {
  explicit Stripe(size_t size) : bytes(RandomBytes(14 * size)) {
    for (size_t i = 0; i < 14; ++i) shards.push_back(bytes.data() + i * size);
  }
  std::vector<uint8_t> bytes;
  std::vector<uint8_t*> shards;
};

void BM_Encode(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  const erasure_encoder::ErasureEncoder encoder({10, 4});
  const Stripe stripe(size);
  const std::vector<const uint8_t*> data(stripe.shards.begin(), stripe.shards.begin() + 10);
  const std::vector<uint8_t*> parity(stripe.shards.begin() + 10, stripe.shards.end());
  for (auto _ : state) {
    encoder.Encode(data, parity, size);
    benchmark::ClobberMemory();
  }
  SetBytes(state, 10 * size);
}
BENCHMARK(BM_Encode)->Arg(512)->Arg(65536);

// Arguments: how many of the first data shards are lost, bytes of a shard.
void BM_Reconstruct(benchmark::State& state) {
  const auto losses = static_cast<uint8_t>(state.range(0));
  const auto size = static_cast<size_t>(state.range(1));
  const erasure_encoder::ErasureEncoder encoder({10, 4});
  const Stripe stripe(size);
  std::vector<uint8_t> wanted, present_index;
  std::vector<uint8_t*> out;
  std::vector<const uint8_t*> present;
  for (uint8_t i = 0; i < losses; ++i) {
    wanted.push_back(i);
    out.push_back(stripe.shards[i]);
  }
  for (uint8_t i = losses; i < losses + 10; ++i) {
    present_index.push_back(i);
    present.push_back(stripe.shards[i]);
  }
  for (auto _ : state) {
    const Status status = encoder.Reconstruct(present_index, present, wanted, out, size);
    if (!status.ok()) state.SkipWithError(status.ToString().c_str());
    benchmark::ClobberMemory();
  }
  SetBytes(state, 10 * size);
}
BENCHMARK(BM_Reconstruct)->Args({1, 65536})->Args({4, 65536})->Args({1, 512})->Args({4, 512});

}  // namespace
}  // namespace ashlar

BENCHMARK_MAIN();

// MD5 and SHA-256 of several streams side by side: the choice of kernels for UpdateTogether.
//
//  1. The states lie in the contexts of OpenSSL between calls. A stream that is in the middle of a
//     block gets there by OpenSSL, its whole blocks go through a lane, and what is left goes to
//     OpenSSL again. So a stream may change between this and Update() at any byte.
//  2. Lanes advance together by the shortest of them, in segments small enough that the second of
//     two kernels finds the bytes in the cache. Lanes with SHA-256 stand in front.
//  3. Nothing here fails and nothing allocates.
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>
#include <new>

#include "base/check.h"
#include "base/digest.h"
#include "base/digest_kernels.h"

namespace ashlar {

struct HasherStates {
  static MD5_CTX& Of(Md5Hasher& hasher) {
    return *std::launder(reinterpret_cast<MD5_CTX*>(hasher.state_.data()));
  }
  static SHA256_CTX& Of(Sha256Hasher& hasher) {
    return *std::launder(reinterpret_cast<SHA256_CTX*>(hasher.state_.data()));
  }
};

namespace {

using digest_kernels::StreamLane;

constexpr size_t kBlockSize = 64;
constexpr size_t kLanesMax = 16;
constexpr size_t kSegmentBlocks = 128;

struct Cpu {
  bool sha = digest_kernels::CpuHasShaExtensions();
  bool avx2 = digest_kernels::CpuHasAvx2();
  bool avx512 = digest_kernels::CpuHasAvx512();
  bool wide_sha = digest_kernels::CpuHasFastAvx512();
};
const Cpu& ThisCpu() {
  static const Cpu cpu;
  return cpu;
}

void UpdateOne(const HashWork& work) {
  work.md5->Update(work.bytes);
  if (work.sha256 != nullptr) work.sha256->Update(work.bytes);
}

// A stream and what is left of its bytes.
struct Stream {
  HashWork work;
  StreamLane lane;
};

template <typename Context>
void CountBytes(Context& context, size_t bytes) {
  const uint64_t bits = (uint64_t{context.Nh} << 32 | context.Nl) + uint64_t{bytes} * 8;
  context.Nl = static_cast<uint32_t>(bits);
  context.Nh = static_cast<uint32_t>(bits >> 32);
}

// Brings the stream to the boundary of a block and loads its lane. False when there is no whole
// block to do.
bool Load(Stream& stream) {
  HashWork& work = stream.work;
  const MD5_CTX& md5 = HasherStates::Of(*work.md5);
  const size_t begun = md5.num;
  if (work.sha256 != nullptr && HasherStates::Of(*work.sha256).num != begun) return false;
  const size_t rest = begun == 0 ? 0 : kBlockSize - begun;
  if (work.bytes.size() < rest + kBlockSize) return false;
  UpdateOne(HashWork{work.md5, work.sha256, work.bytes.first(rest)});
  work.bytes = work.bytes.subspan(rest);
  const uint32_t state[4] = {md5.A, md5.B, md5.C, md5.D};
  std::copy_n(state, 4, stream.lane.md5);
  if (work.sha256 != nullptr) {
    const SHA256_CTX& sha256 = HasherStates::Of(*work.sha256);
    for (size_t i = 0; i < 8; ++i) {
      stream.lane.sha256[digest_kernels::kSha256WordPlace[i]] = sha256.h[i];
    }
  }
  stream.lane.next = work.bytes.data();
  stream.lane.blocks = work.bytes.size() / kBlockSize;
  return true;
}

// Gives the states back, and the rest of the bytes to OpenSSL.
void Store(Stream& stream) {
  HashWork& work = stream.work;
  const auto done = static_cast<size_t>(stream.lane.next - work.bytes.data());
  MD5_CTX& md5 = HasherStates::Of(*work.md5);
  md5.A = stream.lane.md5[0];
  md5.B = stream.lane.md5[1];
  md5.C = stream.lane.md5[2];
  md5.D = stream.lane.md5[3];
  CountBytes(md5, done);
  if (work.sha256 != nullptr) {
    SHA256_CTX& sha256 = HasherStates::Of(*work.sha256);
    for (size_t i = 0; i < 8; ++i) {
      sha256.h[i] = stream.lane.sha256[digest_kernels::kSha256WordPlace[i]];
    }
    CountBytes(sha256, done);
  }
  work.bytes = work.bytes.subspan(done);
  UpdateOne(work);
}

// Lanes that all have SHA-256, by the kernels that do both hashes at once. Idle lanes of vectors
// cost what busy ones do, and up to three streams are better off in words.
void RunStitched(std::span<StreamLane* const> lanes, size_t blocks) {
  while (!lanes.empty()) {
    const size_t count = std::min<size_t>(lanes.size(), 8);
    if (count <= digest_kernels::kStitchedLanesMax) {
      digest_kernels::Md5Sha256Stitched(lanes.first(count), blocks);
    } else if (count == 4) {
      digest_kernels::Md5Sha256FourAvx512(lanes.first(count), blocks);
    } else {
      digest_kernels::Md5Sha256EightAvx512(lanes.first(count), blocks);
    }
    lanes = lanes.subspan(count);
  }
}

// MD5 of all lanes, SHA-256 of the first `with_sha256`.
void RunSegment(std::span<StreamLane* const> lanes, size_t with_sha256, size_t blocks) {
  const Cpu& cpu = ThisCpu();
  const bool all_sha256 = with_sha256 == lanes.size();
  if (all_sha256 && (cpu.avx512 || lanes.size() <= digest_kernels::kStitchedLanesMax)) {
    return RunStitched(lanes, blocks);
  }
  if (cpu.avx512 && lanes.size() <= 4) {
    digest_kernels::Md5FourAvx512(lanes, blocks);
  } else if (cpu.avx512) {
    digest_kernels::Md5SixteenAvx512(lanes, blocks);
  } else {
    for (auto rest = lanes; !rest.empty(); rest = rest.subspan(std::min<size_t>(rest.size(), 8))) {
      digest_kernels::Md5EightAvx2(rest.first(std::min<size_t>(rest.size(), 8)), blocks);
    }
  }
  digest_kernels::Sha256Lane* sha256[kLanesMax];
  std::copy_n(lanes.begin(), with_sha256, sha256);
  digest_kernels::Sha256Lanes(std::span(sha256, with_sha256), blocks, cpu.wide_sha);
}

bool HasSha256(const Stream& stream) { return stream.work.sha256 != nullptr; }

// Up to kLanesMax streams.
void UpdateLanes(std::span<const HashWork> work) {
  Stream streams[kLanesMax];
  size_t count = 0;
  for (const HashWork& next : work) {
    Stream& stream = streams[count];
    stream.work = next;
    if (next.sha256 != nullptr && !ThisCpu().sha) {
      next.sha256->Update(next.bytes);
      stream.work.sha256 = nullptr;
    }
    if (Load(stream)) {
      ++count;
    } else {
      UpdateOne(stream.work);
    }
  }
  std::partition(streams, streams + count, HasSha256);
  StreamLane* lanes[kLanesMax];
  while (true) {
    size_t active = 0;
    size_t with_sha256 = 0;
    size_t blocks = kSegmentBlocks;
    for (size_t i = 0; i < count; ++i) {
      if (streams[i].lane.blocks == 0) continue;
      lanes[active++] = &streams[i].lane;
      with_sha256 += HasSha256(streams[i]) ? 1 : 0;
      blocks = std::min(blocks, streams[i].lane.blocks);
    }
    // MD5 alone of one stream is fastest in words: what Store does with the rest.
    if (active == 0 || (active == 1 && with_sha256 == 0)) break;
    RunSegment(std::span(lanes, active), with_sha256, blocks);
    for (StreamLane* lane : std::span(lanes, active)) {
      lane->next += blocks * kBlockSize;
      lane->blocks -= blocks;
    }
  }
  for (size_t i = 0; i < count; ++i) Store(streams[i]);
}

}  // namespace

void UpdateTogetherPortable(std::span<const HashWork> work) {
  for (const HashWork& one : work) UpdateOne(one);
}

void UpdateTogether(std::span<const HashWork> work) {
  for (const HashWork& one : work) CHECK(one.md5 != nullptr);
  if (!ThisCpu().avx2) return UpdateTogetherPortable(work);
  while (!work.empty()) {
    const size_t count = std::min(work.size(), kLanesMax);
    UpdateLanes(work.first(count));
    work = work.subspan(count);
  }
}

}  // namespace ashlar

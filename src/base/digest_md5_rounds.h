// The rounds of MD5 (RFC 1321, section 3.4) over any kind of word: a plain one or a vector of one
// word a stream. Private to base/digest*.cc.
//
// The file that includes this one defines ASHLAR_MD5_INLINE (always_inline, and the instructions
// its words need) and gives a type `Ops` of its own:
//   Vec                          the word
//   Words                        what the sixteen words of a block are read from
//   Vec Word(words, i)           the i-th of them
//   Vec Constant(c)              c in every stream
//   Vec Add(a, b)
//   Vec Rotate<n>(a)
//   Vec AddMixed<stage>(t, b, c, d)   t + the function of that stage (F, G, H, I) of b, c, d
//   void Pin(t)                  keeps the compiler from adding in another order
//
// MD5 is a chain: a round needs the one before it. `t`, what the round does not need from it, is
// added up first, so that only mix, add, rotate, add are in the chain; hence Pin.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace ashlar::digest_kernels {

inline constexpr std::array<uint32_t, 64> kMd5Constants = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
inline constexpr int kMd5Rotations[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

// Which word of the block a round takes.
constexpr int Md5WordOf(int round) {
  switch (round / 16) {
    case 0: return round;
    case 1: return (5 * round + 1) % 16;
    case 2: return (3 * round + 5) % 16;
    default: return 7 * round % 16;
  }
}

template <typename Ops, int kRound>
ASHLAR_MD5_INLINE void Md5Round(typename Ops::Vec (&state)[4], const typename Ops::Words& words) {
  constexpr int kA = (64 - kRound) % 4;
  const auto b = state[(kA + 1) % 4];
  auto sum = Ops::Add(Ops::Add(state[kA], Ops::Constant(kMd5Constants[kRound])),
                      Ops::Word(words, Md5WordOf(kRound)));
  Ops::Pin(sum);
  sum = Ops::template AddMixed<kRound / 16>(sum, b, state[(kA + 2) % 4], state[(kA + 3) % 4]);
  sum = Ops::template Rotate<kMd5Rotations[kRound / 16][kRound % 4]>(sum);
  state[kA] = Ops::Add(sum, b);
}

// kCount rounds from kFirst on.
template <typename Ops, int kFirst, int... kRound>
ASHLAR_MD5_INLINE void Md5Rounds(typename Ops::Vec (&state)[4], const typename Ops::Words& words,
                                 std::integer_sequence<int, kRound...>) {
  (Md5Round<Ops, kFirst + kRound>(state, words), ...);
}

}  // namespace ashlar::digest_kernels

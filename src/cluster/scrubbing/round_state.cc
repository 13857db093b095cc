#include "cluster/scrubbing/round_state.h"

#include "base/bytes.h"

namespace ashlar::cluster {
namespace {

constexpr uint8_t kFormat = 1;

}  // namespace

std::string EncodeScrubRound(const ScrubRound& round) {
  std::string row;
  Encoder out(&row);
  out.U8(kFormat);
  out.U64(static_cast<uint64_t>(round.began_ms));
  out.U64(static_cast<uint64_t>(round.ended_ms));
  out.U8(static_cast<uint8_t>((round.paused ? 1 : 0) | (round.full_speed ? 2 : 0)));
  return row;
}

Result<ScrubRound> DecodeScrubRound(std::string_view row) {
  Decoder in(row);
  ScrubRound round;
  const uint8_t format = in.U8();
  round.began_ms = static_cast<int64_t>(in.U64());
  round.ended_ms = static_cast<int64_t>(in.U64());
  const uint8_t flags = in.U8();
  if (!in.ok() || !in.AtEnd() || format != kFormat || flags > 3) {
    return Status(Code::kCorrupt, "the state of scrubbing cannot be read");
  }
  round.paused = (flags & 1) != 0;
  round.full_speed = (flags & 2) != 0;
  return round;
}

std::string EncodeVerifiedVolumes(const VerifiedVolumes& verified) {
  std::string row;
  Encoder out(&row);
  out.U8(kFormat);
  out.Varint(verified.change);
  for (const auto& [volume, since_ms] : verified.since_ms) {
    out.Varint(volume);
    out.U64(static_cast<uint64_t>(since_ms));
  }
  return row;
}

Result<VerifiedVolumes> DecodeVerifiedVolumes(std::string_view row) {
  Decoder in(row);
  VerifiedVolumes verified;
  const uint8_t format = in.U8();
  verified.change = in.Varint();
  while (in.ok() && !in.AtEnd()) {
    const uint64_t volume = in.Varint();
    if (volume > UINT32_MAX) in.Fail();
    verified.since_ms[static_cast<uint32_t>(volume)] = static_cast<int64_t>(in.U64());
  }
  if (!in.ok() || format != kFormat) {
    return Status(Code::kCorrupt, "what was scrubbed of a drive cannot be read");
  }
  return verified;
}

}  // namespace ashlar::cluster

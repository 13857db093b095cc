// Oracles: the result does not depend on how the body is cut; an accepted body gives exactly the
// announced bytes; what a client writes is accepted; and a signed body with one changed byte is
// not.
#include <cstdio>
#include <cstdlib>
#include <source_location>

#include "api_gateway/protocol/aws_chunked.h"
#include "api_gateway/tests/test_signer.h"

namespace {

using namespace ashlar;               // NOLINT: a program of its own
using namespace ashlar::api_gateway;  // NOLINT

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

struct Decoded {
  std::string payload;
  std::optional<S3Code> error;
  std::vector<std::pair<std::string, std::string>> trailers;
};

Decoded Decode(const AwsChunkedOptions& options, std::string_view body, size_t step) {
  AwsChunkedDecoder decoder(options);
  Decoded decoded;
  while (!body.empty() && !decoder.error()) {
    const ByteSpan piece = AsBytes(body.substr(0, step));
    const auto fed = decoder.Feed(piece);
    Require(fed.consumed <= piece.size());
    Require(fed.consumed > 0 || decoder.error().has_value());
    // The payload lies in the input.
    Require(fed.payload.empty() ||
            (fed.payload.data() >= piece.data() &&
             fed.payload.data() + fed.payload.size() <= piece.data() + piece.size()));
    decoded.payload += AsText(fed.payload);
    Require(decoded.payload.size() <= options.decoded_length);
    body.remove_prefix(fed.consumed);
  }
  if (const auto error = decoder.Finish()) decoded.error = error->code;
  decoded.trailers = decoder.trailers();
  return decoded;
}

AwsChunkedOptions OptionsFor(PayloadMode mode, uint64_t length) {
  const testing::Signer signer;
  AwsChunkedOptions options;
  options.mode = mode;
  options.decoded_length = length;
  options.signing_key = signer.Key();
  options.seed_signature = std::string(64, '0');
  options.scope = signer.Scope();
  options.amz_date = signer.AmzDate();
  if (mode != PayloadMode::kStreamingSigned) options.trailers = {"x-amz-checksum-crc32"};
  return options;
}

PayloadMode ModeOf(uint8_t byte) {
  constexpr PayloadMode kModes[] = {PayloadMode::kStreamingUnsignedTrailer,
                                    PayloadMode::kStreamingSigned,
                                    PayloadMode::kStreamingSignedTrailer};
  return kModes[byte % 3];
}

void Noise(uint8_t mode, uint8_t length, uint8_t step, std::string_view body) {
  const AwsChunkedOptions options = OptionsFor(ModeOf(mode), length);
  const Decoded whole = Decode(options, body, SIZE_MAX);
  const Decoded torn = Decode(options, body, 1 + step % 16);
  Require(whole.error == torn.error);
  if (whole.error) return;
  Require(whole.payload == torn.payload && whole.trailers == torn.trailers);
  Require(whole.payload.size() == options.decoded_length);
  Require(whole.trailers.size() == options.trailers.size());
  // Nothing signed comes out of noise.
  Require(options.mode == PayloadMode::kStreamingUnsignedTrailer);
}

void RoundTrip(uint8_t mode_byte, uint8_t big, uint8_t flip, std::string_view payload) {
  const PayloadMode mode = ModeOf(mode_byte);
  std::string whole(payload);
  testing::ChunkedWriter writer;
  writer.is_signed = mode != PayloadMode::kStreamingUnsignedTrailer;
  writer.previous = std::string(64, '0');
  if (big % 4 == 0) {
    const std::string first(kChunkBytesMin, 'b');
    writer.Chunk(first);
    whole = first + whole;
  }
  if (!payload.empty()) writer.Chunk(payload);
  writer.Chunk("");
  if (mode == PayloadMode::kStreamingSigned) {
    writer.End();
  } else {
    writer.Trailer("x-amz-checksum-crc32", "AAAAAA==");
  }
  const AwsChunkedOptions options = OptionsFor(mode, whole.size());
  const Decoded decoded = Decode(options, writer.body, 1 + flip);
  Require(!decoded.error && decoded.payload == whole);

  std::string changed = writer.body;
  const size_t at = (size_t{flip} * 7919 + big) % changed.size();
  changed[at] = static_cast<char>(changed[at] ^ (1 << flip % 8));
  const Decoded other = Decode(options, changed, SIZE_MAX);
  // A change that is let through (letter case of a hex digit, a blank for a CR) changes nothing.
  if (writer.is_signed && !other.error) {
    Require(other.payload == decoded.payload && other.trailers == decoded.trailers);
  }
  const Decoded cut = Decode(options, std::string_view(writer.body).substr(0, at), SIZE_MAX);
  Require(cut.error.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 4, size - 4);
  if (data[0] % 2 == 0) {
    Noise(data[1], data[2], data[3], rest);
  } else {
    RoundTrip(data[1], data[2], data[3], rest);
  }
  return 0;
}

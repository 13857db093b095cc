// Decoder of aws-chunked bodies: the framing of the STREAMING-* payload modes.
//
//   chunk    = hex-size [";chunk-signature=" 64 hex] CRLF payload CRLF
//   body     = *chunk, a chunk of size zero (without payload), then CRLF or the trailer
//   trailer  = *( name ":" value CRLF ) [ "x-amz-trailer-signature:" 64 hex CRLF ] CRLF
//
// 1. Payload comes out as spans of what was fed in; nothing is copied or buffered but one line.
// 2. A chunk's bytes may come out before its signature is known to be right. Therefore nothing made
//    of them may become visible before `Finish()` answered nullopt: a failure at any later point,
//    or a body that just stops, makes the whole body worthless.
// 3. A body is complete only with its final chunk, exactly the announced length, and exactly the
//    announced trailers.
// 4. Lines end in CRLF. In the trailer a bare LF and one more CRLF at the end are accepted, because
//    minio-go writes them.
//
// After the first error every call repeats it. A value for one body and one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api_gateway/auth/sigv4.h"
#include "base/digest.h"

namespace ashlar::api_gateway {

inline constexpr uint64_t kChunkBytesMin = 8192;  // of every chunk but the last
inline constexpr size_t kChunkSizeDigitsMax = 16;
inline constexpr size_t kChunkExtensionBytesMax = 256;
inline constexpr size_t kTrailerBytesMax = 16 * 1024;

struct AwsChunkedOptions {
  PayloadMode mode = PayloadMode::kStreamingUnsignedTrailer;
  uint64_t decoded_length = 0;             // x-amz-decoded-content-length
  std::vector<std::string> trailers = {};  // names announced by x-amz-trailer, lower-case
  Sha256Digest signing_key = {};           // these four from Verified, for the signed modes
  std::string seed_signature = {};
  std::string scope = {};
  std::string amz_date = {};
};
// CHECKs that the mode is a streaming one. `trailer_header` is the value of x-amz-trailer, or
// empty.
[[nodiscard]] AwsChunkedOptions MakeAwsChunkedOptions(const Verified& verified,
                                                      uint64_t decoded_length,
                                                      std::string_view trailer_header);

class AwsChunkedDecoder {
 public:
  explicit AwsChunkedDecoder(AwsChunkedOptions options);

  struct Step {
    size_t consumed = 0;  // bytes of the input that are done with; 0 only after an error
    ByteSpan payload;     // a part of the input, may be empty
  };
  // Feed a non-empty input, use `payload`, and feed again what was not consumed. On an error
  // (`error()` is set) nothing of that step may be used.
  [[nodiscard]] Step Feed(ByteSpan input);

  // At the end of the body: nullopt when it was complete and everything checked out.
  [[nodiscard]] std::optional<S3Error> Finish() const;

  const std::optional<S3Error>& error() const { return error_; }
  // True when the final chunk and the trailer were read and are right.
  bool done() const { return state_ == State::kDone; }
  // Lower-case names and values, checked; meaningful when done.
  const std::vector<std::pair<std::string, std::string>>& trailers() const { return trailers_; }

 private:
  enum class State { kChunkLine, kPayload, kPayloadEnd, kFinalEnd, kTrailer, kDone };

  bool Signed() const { return options_.mode != PayloadMode::kStreamingUnsignedTrailer; }
  bool HasTrailer() const { return options_.mode != PayloadMode::kStreamingSigned; }
  void Fail(S3Error error);
  size_t TakeLine(ByteSpan input, size_t limit, bool* complete);
  void OnChunkLine();
  bool ParseChunkLine(uint64_t* size, std::string* signature) const;
  size_t TakePayload(ByteSpan input);
  void EndOfChunk();
  void OnTrailerLine();
  void OnBlankTrailerLine();
  void OnTrailerField(std::string name, std::string value);
  size_t TakeAfterEnd(ByteSpan input);
  [[nodiscard]] std::string SignatureOf(std::string_view algorithm, std::string_view middle,
                                        const Sha256Digest& hash) const;

  AwsChunkedOptions options_;
  State state_ = State::kChunkLine;
  std::optional<S3Error> error_;
  std::string line_;
  std::string previous_signature_;  // raw 32 bytes as lower-case hex
  std::string chunk_signature_;     // the one that the client sent for this chunk
  std::optional<Sha256Hasher> chunk_hash_;
  uint64_t chunk_number_ = 0;
  uint64_t chunk_size_ = 0;
  uint64_t chunk_left_ = 0;
  uint64_t decoded_ = 0;
  size_t trailer_bytes_ = 0;
  size_t bytes_after_end_ = 0;
  std::string trailer_signature_;
  std::vector<std::pair<std::string, std::string>> trailers_;
};

// The check of a body whose SHA-256 was signed (PayloadMode::kSignedHash). Like a chunked body,
// what was read may become visible only after Finish() answered nullopt.
class PayloadHashCheck {
 public:
  explicit PayloadHashCheck(std::string expected_sha256) : expected_(std::move(expected_sha256)) {}
  void Update(ByteSpan bytes) { hasher_.Update(bytes); }
  // For who hashes the bytes together with others.
  Sha256Hasher& hasher() { return hasher_; }
  // XAmzContentSHA256Mismatch with both values. Call once.
  [[nodiscard]] std::optional<S3Error> Finish();

 private:
  std::string expected_;
  Sha256Hasher hasher_;
};

}  // namespace ashlar::api_gateway

#include "api_gateway/protocol/aws_chunked.h"

#include <algorithm>

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";
constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

S3Error Incomplete(std::string why) { return S3Error(S3Code::kIncompleteBody, std::move(why)); }

bool SameSignature(std::string_view sent, std::string_view computed) {
  std::string a;
  std::string b;
  return sent.size() == 64 && HexDecode(sent, &a) && HexDecode(computed, &b) &&
         ConstantTimeEqual(AsBytes(a), AsBytes(b));
}

bool ParseHexSize(std::string_view text, uint64_t* size) {
  if (text.empty() || text.size() > kChunkSizeDigitsMax) return false;
  uint64_t value = 0;
  for (const char c : text) {
    const char lower = AsciiLower(c);
    if (c >= '0' && c <= '9') {
      value = value << 4 | static_cast<uint64_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value << 4 | static_cast<uint64_t>(lower - 'a' + 10);
    } else {
      return false;
    }
  }
  *size = value;
  return true;
}

}  // namespace

AwsChunkedOptions MakeAwsChunkedOptions(const Verified& verified, uint64_t decoded_length,
                                        std::string_view trailer_header) {
  CHECK(IsStreaming(verified.mode));
  AwsChunkedOptions options;
  options.mode = verified.mode;
  options.decoded_length = decoded_length;
  options.signing_key = verified.signing_key;
  options.seed_signature = verified.seed_signature;
  options.scope = verified.scope;
  options.amz_date = verified.amz_date;
  while (!trailer_header.empty()) {
    const size_t comma = std::min(trailer_header.find(','), trailer_header.size());
    const std::string_view name = TrimBlanks(trailer_header.substr(0, comma));
    if (!name.empty()) options.trailers.push_back(ToLower(name));
    trailer_header.remove_prefix(std::min(comma + 1, trailer_header.size()));
  }
  return options;
}

AwsChunkedDecoder::AwsChunkedDecoder(AwsChunkedOptions options) : options_(std::move(options)) {
  CHECK(IsStreaming(options_.mode));
  previous_signature_ = options_.seed_signature;
}

void AwsChunkedDecoder::Fail(S3Error error) {
  if (!error_) error_ = std::move(error);
}

AwsChunkedDecoder::Step AwsChunkedDecoder::Feed(ByteSpan input) {
  CHECK(!input.empty());
  Step step;
  while (!error_ && step.consumed < input.size()) {
    const ByteSpan rest = input.subspan(step.consumed);
    bool complete = false;
    switch (state_) {
      case State::kChunkLine:
        step.consumed +=
            TakeLine(rest, kChunkSizeDigitsMax + 1 + kChunkExtensionBytesMax + 2, &complete);
        if (complete) OnChunkLine();
        break;
      case State::kPayload: {
        const size_t size = TakePayload(rest);
        step.consumed += size;
        if (!error_) step.payload = rest.first(size);
        return step;
      }
      case State::kPayloadEnd:
      case State::kFinalEnd:
        step.consumed += TakeLine(rest, 2, &complete);
        if (!complete) break;
        if (line_ != "\r\n") {
          Fail(Incomplete("A chunk does not end where its size says."));
          break;
        }
        line_.clear();
        state_ = state_ == State::kPayloadEnd ? State::kChunkLine : State::kDone;
        break;
      case State::kTrailer:
        step.consumed += TakeLine(rest, kTrailerBytesMax - trailer_bytes_, &complete);
        if (complete) OnTrailerLine();
        break;
      case State::kDone: step.consumed += TakeAfterEnd(rest); break;
    }
  }
  return step;
}

// Collects up to and with the next LF in line_. Fails when that takes more than `limit` bytes.
size_t AwsChunkedDecoder::TakeLine(ByteSpan input, size_t limit, bool* complete) {
  const std::string_view text = AsText(input);
  const size_t newline = text.find('\n');
  const size_t size = newline == std::string_view::npos ? text.size() : newline + 1;
  if (size > limit - std::min(limit, line_.size())) {
    if (state_ == State::kTrailer) {
      Fail(S3Error(S3Code::kMalformedTrailerError));
    } else {
      Fail(Incomplete("The chunked encoding of the body is not valid."));
    }
    return 0;
  }
  line_.append(text.substr(0, size));
  *complete = newline != std::string_view::npos;
  return size;
}

bool AwsChunkedDecoder::ParseChunkLine(uint64_t* size, std::string* signature) const {
  std::string_view line = line_;
  if (!line.ends_with("\r\n")) return false;
  line.remove_suffix(2);
  const size_t semicolon = std::min(line.find(';'), line.size());
  if (!ParseHexSize(line.substr(0, semicolon), size)) return false;
  std::string_view extension = line.substr(semicolon);
  if (extension.size() > kChunkExtensionBytesMax) return false;
  if (!Signed()) return true;
  constexpr std::string_view kName = ";chunk-signature=";
  if (!extension.starts_with(kName)) return false;
  extension.remove_prefix(kName.size());
  *signature = extension;
  return extension.size() == 64;
}

void AwsChunkedDecoder::OnChunkLine() {
  uint64_t size = 0;
  if (!ParseChunkLine(&size, &chunk_signature_)) {
    return Fail(Incomplete("The chunked encoding of the body is not valid."));
  }
  line_.clear();
  if (size > 0 && chunk_number_ > 0 && chunk_size_ < kChunkBytesMin) {
    return Fail(S3Error(S3Code::kInvalidChunkSizeError)
                    .With("Chunk", std::to_string(chunk_number_))
                    .With("BadChunkSize", std::to_string(chunk_size_)));
  }
  if (size > options_.decoded_length - decoded_) {
    return Fail(Incomplete("The body is longer than x-amz-decoded-content-length says."));
  }
  ++chunk_number_;
  chunk_size_ = size;
  chunk_left_ = size;
  if (Signed()) chunk_hash_.emplace();
  if (size > 0) {
    state_ = State::kPayload;
    return;
  }
  if (decoded_ != options_.decoded_length) {
    return Fail(Incomplete("The body is shorter than x-amz-decoded-content-length says."));
  }
  EndOfChunk();
  state_ = HasTrailer() ? State::kTrailer : State::kFinalEnd;
}

size_t AwsChunkedDecoder::TakePayload(ByteSpan input) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(chunk_left_, input.size()));
  if (Signed()) chunk_hash_->Update(input.first(size));
  chunk_left_ -= size;
  decoded_ += size;
  if (chunk_left_ == 0) {
    EndOfChunk();
    state_ = State::kPayloadEnd;
  }
  return size;
}

std::string AwsChunkedDecoder::SignatureOf(std::string_view algorithm, std::string_view middle,
                                           const Sha256Digest& hash) const {
  std::string text;
  text.reserve(320);
  text.append(algorithm).push_back('\n');
  text.append(options_.amz_date).push_back('\n');
  text.append(options_.scope).push_back('\n');
  text.append(previous_signature_).push_back('\n');
  text.append(middle);
  text += HexEncode(hash);
  return HexEncode(HmacSha256(options_.signing_key, AsBytes(text)));
}

void AwsChunkedDecoder::EndOfChunk() {
  if (!Signed()) return;
  std::string middle(kEmptySha256);
  middle.push_back('\n');
  const std::string computed =
      SignatureOf("AWS4-HMAC-SHA256-PAYLOAD", middle, chunk_hash_->Finish());
  chunk_hash_.reset();
  if (!SameSignature(chunk_signature_, computed)) {
    return Fail(S3Error(S3Code::kSignatureDoesNotMatch));
  }
  previous_signature_ = computed;
}

void AwsChunkedDecoder::OnTrailerLine() {
  trailer_bytes_ += line_.size();
  std::string_view line = line_;
  line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
  line = TrimBlanks(line);
  if (line.empty()) {
    OnBlankTrailerLine();
  } else {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || !trailer_signature_.empty()) {
      return Fail(S3Error(S3Code::kMalformedTrailerError));
    }
    OnTrailerField(ToLower(line.substr(0, colon)), std::string(TrimBlanks(line.substr(colon + 1))));
  }
  line_.clear();
}

void AwsChunkedDecoder::OnTrailerField(std::string name, std::string value) {
  if (Signed() && name == kTrailerSignature) {
    trailer_signature_ = std::move(value);
    if (trailer_signature_.size() != 64) Fail(S3Error(S3Code::kSignatureDoesNotMatch));
    return;
  }
  const auto& announced = options_.trailers;
  const bool known = std::find(announced.begin(), announced.end(), name) != announced.end();
  const auto same = [&name](const auto& trailer) { return trailer.first == name; };
  if (!known || std::any_of(trailers_.begin(), trailers_.end(), same)) {
    return Fail(S3Error(S3Code::kMalformedTrailerError));
  }
  trailers_.emplace_back(std::move(name), std::move(value));
}

void AwsChunkedDecoder::OnBlankTrailerLine() {
  // minio-go puts an empty line between the trailers and their signature.
  if (Signed() && trailer_signature_.empty()) return;
  if (trailers_.size() != options_.trailers.size()) {
    return Fail(Incomplete("A trailer that x-amz-trailer announced is missing."));
  }
  if (Signed()) {
    std::string text;
    for (const auto& [name, value] : trailers_) {
      text.append(name).push_back(':');
      text.append(value).push_back('\n');
    }
    const std::string computed = SignatureOf("AWS4-HMAC-SHA256-TRAILER", "", Sha256(AsBytes(text)));
    if (!SameSignature(trailer_signature_, computed)) {
      return Fail(S3Error(S3Code::kSignatureDoesNotMatch));
    }
  }
  state_ = State::kDone;
}

// One more CRLF is allowed behind a trailer, nothing else anywhere.
size_t AwsChunkedDecoder::TakeAfterEnd(ByteSpan input) {
  constexpr std::string_view kMore = "\r\n";
  const std::string_view text = AsText(input);
  if (!HasTrailer() || bytes_after_end_ + text.size() > kMore.size() ||
      kMore.substr(bytes_after_end_, text.size()) != text) {
    Fail(Incomplete("There are bytes behind the end of the chunked body."));
    return 0;
  }
  bytes_after_end_ += text.size();
  return text.size();
}

std::optional<S3Error> AwsChunkedDecoder::Finish() const {
  if (error_) return error_;
  if (state_ == State::kDone) return std::nullopt;
  return S3Error(S3Code::kIncompleteBody);
}

std::optional<S3Error> PayloadHashCheck::Finish() {
  const Sha256Digest computed = hasher_.Finish();
  std::string expected;
  if (HexDecode(expected_, &expected) && ConstantTimeEqual(computed, AsBytes(expected))) {
    return std::nullopt;
  }
  return S3Error(S3Code::kXAmzContentSha256Mismatch)
      .With("ClientComputedContentSHA256", expected_)
      .With("S3ComputedContentSHA256", HexEncode(computed));
}

}  // namespace ashlar::api_gateway

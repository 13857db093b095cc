#include "api_gateway/verified_request.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "api_gateway/http/form_reader.h"
#include "api_gateway/protocol/aws_chunked.h"
#include "api_gateway/protocol/checksum_headers.h"
#include "api_gateway/protocol/content_headers.h"

namespace ashlar::api_gateway {
namespace {

// Bytes are hashed in pieces that stay in the first-level cache for all the hashes.
constexpr size_t kHashPieceBytes = 16 * 1024;
// Larger bodies are hashed together with the others of the server, in pieces of one size: streams
// of equal length run fastest side by side.
constexpr size_t kBundledBodyBytesMin = 128 * 1024 + 1;
constexpr size_t kBundledPieceBytes = 64 * 1024;
constexpr size_t kWireBufferBytes = 64 * 1024;
constexpr size_t kSmallBodyStepBytes = 16 * 1024;

std::string BigEndian64(uint64_t value) {
  std::string raw;
  Encoder(&raw).BigEndian64(value);
  return raw;
}

S3Error TooLarge(uint64_t proposed, uint64_t allowed) {
  return S3Error(S3Code::kEntityTooLarge)
      .With("ProposedSize", std::to_string(proposed))
      .With("MaxSizeAllowed", std::to_string(allowed));
}

// The wire failed: whose fault was it?
S3Error WireError(const Status& status) {
  switch (status.code()) {
    case Code::kCancelled: return S3Error(S3Code::kIncompleteBody);
    case Code::kDeadlineExceeded: return S3Error(S3Code::kRequestTimeout);
    case Code::kInvalidArgument: return S3Error(S3Code::kBadRequest, status.message());
    default: return FromStatus(status);
  }
}

// Browsers ask before they call, without credentials: those in the query of a presigned URL are for
// the call to come.
Verified Preflight() {
  Verified identity;
  identity.is_anonymous = true;
  return identity;
}

// What stopped the reading of a form.
S3Error FormError(const FormReader& reader, const Status& status) {
  return reader.error() ? *reader.error() : WireError(status);
}

// What a body was promised to be, and the hashes that tell whether it is.
class BodyVerifier {
 public:
  // InvalidDigest, InvalidRequest: the promises themselves are wrong.
  static S3Result<BodyVerifier> Make(const HttpRequest& request, const Verified& identity,
                                     model::ChecksumAlgorithm default_checksum, bool is_object,
                                     bool compare_checksum_headers = true) {
    BodyVerifier verifier;
    S3Result<std::optional<Md5Digest>> content_md5 = ParseContentMd5(request);
    if (!content_md5.ok()) return content_md5.error();
    S3Result<ChecksumRequest> checksum = compare_checksum_headers
                                             ? ParseChecksumHeaders(request)
                                             : S3Result<ChecksumRequest>(ChecksumRequest());
    if (!checksum.ok()) return checksum.error();
    const bool has_trailer = identity.mode == PayloadMode::kStreamingSignedTrailer ||
                             identity.mode == PayloadMode::kStreamingUnsignedTrailer;
    if (checksum->in_trailer && !has_trailer) {
      return S3Error(S3Code::kInvalidRequest,
                     "x-amz-trailer needs a payload of one of the STREAMING-*-TRAILER kinds.");
    }
    verifier.content_md5_ = *content_md5;
    verifier.expected_ = *checksum;
    verifier.is_object_ = is_object;
    if (is_object || verifier.content_md5_.has_value()) verifier.md5_.emplace();
    auto algorithm = verifier.expected_.algorithm;
    if (!algorithm.has_value()) algorithm = NamedAlgorithm(default_checksum);
    if (algorithm.has_value()) verifier.calculator_.emplace(*algorithm);
    if (identity.mode == PayloadMode::kSignedHash) {
      verifier.payload_hash_.emplace(std::string(identity.expected_sha256));
    }
    return verifier;
  }

  bool has_integrity() const { return content_md5_.has_value() || expected_.algorithm.has_value(); }

  // Before the first byte. False: it is compared.
  bool LeaveMd5() {
    if (content_md5_.has_value()) return false;
    md5_.reset();
    return true;
  }

  void Update(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ByteSpan piece = bytes.first(std::min(bytes.size(), kHashPieceBytes));
      bytes = bytes.subspan(piece.size());
      UpdateChecksums(piece);
      if (md5_.has_value()) {
        const HashWork work = Work(piece);
        UpdateTogether(std::span(&work, 1));
      } else if (payload_hash_.has_value()) {
        payload_hash_->Update(piece);
      }
    }
  }
  // For an object that is hashed in the company of others: its MD5 and SHA-256 are updated by them.
  std::unique_ptr<HashBundler::Body> JoinBundler(const std::shared_ptr<HashBundler>& bundler) {
    CHECK(is_object_);
    const HashWork work = Work({});
    return std::make_unique<HashBundler::Body>(bundler, *work.md5, work.sha256);
  }
  void UpdateChecksums(ByteSpan bytes) {
    const bool is_crc64 =
        calculator_.has_value() && calculator_->algorithm() == ChecksumAlgorithm::kCrc64Nvme;
    if (is_object_ || is_crc64) crc64_ = ashlar::Crc64Nvme(crc64_, bytes);
    if (calculator_.has_value() && !is_crc64) calculator_->Update(bytes);
  }

  // Once, when all bytes have come. `trailers`: as the aws-chunked decoder checked them.
  std::optional<S3Error> Finish(const std::vector<std::pair<std::string, std::string>>& trailers) {
    if (payload_hash_.has_value()) {
      if (auto error = payload_hash_->Finish()) return error;
    }
    if (md5_.has_value()) md5_digest_ = md5_->Finish();
    if (content_md5_.has_value() && *content_md5_ != md5_digest_) {
      return ContentMd5Mismatch(*content_md5_, md5_digest_);
    }
    if (!calculator_.has_value()) return std::nullopt;
    const ChecksumAlgorithm algorithm = calculator_->algorithm();
    const std::string value =
        algorithm == ChecksumAlgorithm::kCrc64Nvme ? BigEndian64(crc64_) : calculator_->Finish();
    if (expected_.in_trailer) {
      for (const auto& [name, text] : trailers) {
        if (name != NamesOf(algorithm).header) continue;
        S3Result<std::string> sent = ParseChecksumValue(algorithm, text);
        if (!sent.ok()) return sent.error();
        expected_.value = *std::move(sent);
      }
      // The decoder demands the announced trailers; without one nothing would have been compared.
      if (!expected_.value.has_value()) return S3Error(S3Code::kMalformedTrailerError);
    }
    if (expected_.value.has_value() && *expected_.value != value) {
      return ChecksumMismatch(algorithm);
    }
    checksum_.algorithm = StoredAlgorithm(algorithm);
    checksum_.value = Base64Encode(AsBytes(value));
    return std::nullopt;
  }

  model::ChecksumAlgorithm checksum_algorithm() const {
    return calculator_.has_value() ? StoredAlgorithm(calculator_->algorithm())
                                   : model::ChecksumAlgorithm::kNone;
  }
  const Md5Digest& md5() const { return md5_digest_; }
  const model::Checksum& checksum() const { return checksum_; }
  uint64_t crc64() const { return crc64_; }

 private:
  HashWork Work(ByteSpan bytes) {
    return {&*md5_, payload_hash_.has_value() ? &payload_hash_->hasher() : nullptr, bytes};
  }

  std::optional<Md5Digest> content_md5_;
  ChecksumRequest expected_;
  std::optional<PayloadHashCheck> payload_hash_;
  std::optional<Md5Hasher> md5_;
  std::optional<ChecksumCalculator> calculator_;
  uint64_t crc64_ = 0;      // of objects always, else when it is the algorithm
  bool is_object_ = false;  // or a part: MD5 and CRC64NVME are wanted in any case
  Md5Digest md5_digest_{};
  model::Checksum checksum_;
};

class RequestBody final : public VerifiedBody {
 public:
  RequestBody(HttpExchange& exchange, BodyVerifier verifier, uint64_t size,
              std::optional<AwsChunkedOptions> chunked)
      : exchange_(exchange), verifier_(std::move(verifier)), size_(size), left_(size) {
    if (!chunked.has_value()) return;
    decoder_.emplace(std::move(*chunked));
    wire_.resize(std::min<uint64_t>(kWireBufferBytes, 4096 + size));
  }
  RequestBody(HttpExchange& exchange, BodyVerifier verifier, std::shared_ptr<FormReader> form)
      : exchange_(exchange),
        verifier_(std::move(verifier)),
        size_(form->file_size()),
        left_(size_),
        form_(std::move(form)) {}

  uint64_t size() const override { return size_; }
  bool LeaveMd5() override {
    // The hashes of a large body have company already.
    md5_left_ = size_ < kBundledBodyBytesMin && verifier_.LeaveMd5();
    return md5_left_;
  }
  Md5Digest Md5() const override {
    CHECK(verified_ && !md5_left_);
    return verifier_.md5();
  }
  model::Checksum Checksum() const override {
    CHECK(verified_);
    return verifier_.checksum();
  }
  model::ChecksumAlgorithm checksum_algorithm() const override {
    return verifier_.checksum_algorithm();
  }
  uint64_t Crc64Nvme() const override {
    CHECK(verified_);
    return verifier_.crc64();
  }
  const std::optional<S3Error>& error() const override { return error_; }

  Task<Result<size_t>> Read(MutableByteSpan out) override { return ReadShared(out, nullptr); }

  Task<Result<size_t>> ReadShared(MutableByteSpan out, SharedBuffer buffer) override {
    CHECK(!out.empty());
    if (error_.has_value()) co_return AsStatus();
    if (verified_) co_return size_t{0};
    const bool bundled = size_ >= kBundledBodyBytesMin;
    if (bundled) out = out.first(std::min(out.size(), kBundledPieceBytes));
    CO_ASSIGN_OR_RETURN(const size_t count, co_await ReadPayload(out, bundled));
    if (count > 0) {
      left_ -= count;
      if (bundled) {
        if (hashes_ == nullptr) hashes_ = verifier_.JoinBundler(exchange_.hash_bundler());
        verifier_.UpdateChecksums(out.first(count));
        co_await hashes_->Update(out.first(count), std::move(buffer));
      } else {
        verifier_.Update(out.first(count));
      }
      co_return count;
    }
    if (hashes_ != nullptr) {
      co_await hashes_->Settle();
      hashes_ = nullptr;
    }
    static const std::vector<std::pair<std::string, std::string>> kNoTrailers;
    error_ = verifier_.Finish(decoder_.has_value() ? decoder_->trailers() : kNoTrailers);
    if (error_.has_value()) co_return AsStatus();
    verified_ = true;
    co_return size_t{0};
  }

 private:
  Status AsStatus() const {
    const bool gone = error_->code == S3Code::kIncompleteBody;
    return {gone ? Code::kCancelled : Code::kInvalidArgument, error_->message};
  }
  Status Fail(S3Error error) {
    error_ = std::move(error);
    return AsStatus();
  }

  // 0 at the end. `whole`: less than all of `out` only there.
  Task<Result<size_t>> ReadPayload(MutableByteSpan out, bool whole) {
    size_t filled = 0;
    do {
      Result<size_t> count(size_t{0});
      if (decoder_.has_value()) {
        count = co_await ReadDecoded(out.subspan(filled));
      } else if (form_) {
        count = co_await ReadFile(out.subspan(filled));
      } else {
        count = co_await ReadPlain(out.subspan(filled), left_ - filled);
      }
      if (!count.ok()) co_return count;
      filled += *count;
    } while (whole && filled < out.size() && filled < left_);
    co_return filled;
  }

  Task<Result<size_t>> ReadPlain(MutableByteSpan out, uint64_t left) {
    if (left == 0) co_return size_t{0};
    Result<size_t> count =
        co_await exchange_.ReadBody(out.first(std::min<uint64_t>(out.size(), left)));
    if (!count.ok()) co_return Fail(WireError(count.status()));
    if (*count == 0) co_return Fail(S3Error(S3Code::kIncompleteBody));
    co_return count;
  }

  // Also of what stands behind the file, at its end.
  Task<Result<size_t>> ReadFile(MutableByteSpan out) {
    Result<size_t> count = co_await form_->ReadFile(out);
    if (!count.ok()) co_return Fail(FormError(*form_, count.status()));
    co_return count;
  }

  // Fills `out` from what was decoded; reads from the wire only while it is still empty.
  Task<Result<size_t>> ReadDecoded(MutableByteSpan out) {
    size_t filled = 0;
    while (filled < out.size()) {
      if (!payload_.empty()) {
        const size_t count = std::min(payload_.size(), out.size() - filled);
        std::memcpy(out.data() + filled, payload_.data(), count);
        payload_ = payload_.subspan(count);
        filled += count;
        continue;
      }
      if (!undecoded_.empty()) {
        const AwsChunkedDecoder::Step step = decoder_->Feed(undecoded_);
        if (decoder_->error().has_value()) co_return Fail(*decoder_->error());
        CHECK(step.consumed > 0);
        undecoded_ = undecoded_.subspan(step.consumed);
        payload_ = step.payload;
        continue;
      }
      if (filled > 0) break;
      const Result<size_t> count = co_await exchange_.ReadBody(wire_);
      if (!count.ok()) co_return Fail(WireError(count.status()));
      if (*count == 0) {
        if (auto error = decoder_->Finish()) co_return Fail(std::move(*error));
        CHECK(left_ == 0);
        co_return size_t{0};
      }
      undecoded_ = ByteSpan(wire_).first(*count);
    }
    co_return filled;
  }

  HttpExchange& exchange_;
  BodyVerifier verifier_;
  std::unique_ptr<HashBundler::Body> hashes_;  // of verifier_, once a piece of a large body came
  const uint64_t size_;
  uint64_t left_;
  std::shared_ptr<FormReader> form_;  // POST upload only
  std::optional<AwsChunkedDecoder> decoder_;
  std::vector<uint8_t> wire_;  // aws-chunked only
  ByteSpan undecoded_;         // of wire_
  ByteSpan payload_;           // of wire_, decoded and not given out
  bool verified_ = false;
  bool md5_left_ = false;
  std::optional<S3Error> error_;
};

// Not verified in any way yet.
Task<S3Result<std::string>> ReadWhole(HttpExchange& exchange, uint64_t bytes_max) {
  if (exchange.content_length().value_or(0) > bytes_max) {
    co_return S3Error(S3Code::kMaxMessageLengthExceeded);
  }
  std::string body;
  while (true) {
    const size_t before = body.size();
    // One byte beyond the limit tells that there is more.
    body.resize(std::min<uint64_t>(before + kSmallBodyStepBytes, bytes_max + 1));
    const MutableByteSpan space(reinterpret_cast<uint8_t*>(body.data()) + before,
                                body.size() - before);
    const Result<size_t> count = co_await exchange.ReadBody(space);
    if (!count.ok()) co_return WireError(count.status());
    body.resize(before + *count);
    if (*count == 0) break;
    if (body.size() > bytes_max) co_return S3Error(S3Code::kMaxMessageLengthExceeded);
  }
  co_return body;
}

}  // namespace

VerifiedRequest::VerifiedRequest(HttpExchange& exchange, Verified identity)
    : exchange_(&exchange), identity_(std::move(identity)) {}

S3Result<VerifiedRequest> VerifiedRequest::Authenticate(HttpExchange& exchange,
                                                        const AuthContext& context,
                                                        const CredentialLookup& credentials) {
  if (exchange.request().method == "OPTIONS") return VerifiedRequest(exchange, Preflight());
  AuthOutcome outcome = api_gateway::Authenticate(exchange.request(), context, credentials);
  if (!outcome.ok()) return outcome.error();
  if (auto error = AdoptSignedQueryHeaders(*outcome, &exchange.mutable_request())) return *error;
  return VerifiedRequest(exchange, *std::move(outcome));
}

Task<S3Result<VerifiedCall>> VerifiedRequest::AuthenticateCall(HttpExchange& exchange,
                                                               AuthContext context,
                                                               const CredentialLookup& credentials,
                                                               uint64_t bytes_max) {
  S3Result<std::string> body = co_await ReadWhole(exchange, bytes_max);
  if (!body.ok()) co_return body.error();
  const std::string digest = HexEncode(Sha256(AsBytes(*body)));
  context.body_sha256 = digest;
  const AuthOutcome outcome = api_gateway::Authenticate(exchange.request(), context, credentials);
  if (!outcome.ok()) co_return outcome.error();
  // A client that sends the header all the same signs what it says there: it must be this body.
  if (outcome->identity == nullptr || outcome->mode != PayloadMode::kSignedHash ||
      std::string_view(outcome->expected_sha256) != digest) {
    co_return S3Error(S3Code::kSignatureDoesNotMatch);
  }
  VerifiedCall call;
  call.identity = outcome->identity;
  call.body = *std::move(body);
  co_return call;
}

Task<S3Result<VerifiedRequest>> VerifiedRequest::AuthenticateUpload(
    HttpExchange& exchange, FormMemory& memory, const AuthContext& context,
    const CredentialLookup& credentials, std::string_view bucket) {
  const HttpRequest& request = exchange.request();
  if (auto error = CheckFormRequest(request)) co_return *std::move(error);
  if (!request.Find("content-length")) co_return S3Error(S3Code::kMissingContentLength);
  if (request.Count("content-type") != 1) co_return MalformedForm("There are two Content-Types.");
  const auto boundary = ParseFormBoundary(*request.Find("content-type"));
  if (!boundary.ok()) co_return boundary.error();
  auto form = std::make_shared<UploadForm>();
  form->reader = std::make_shared<FormReader>(exchange, memory, *boundary,
                                              exchange.content_length().value_or(0));
  const Status read = co_await form->reader->ReadFields();
  if (!read.ok()) co_return FormError(*form->reader, read);
  form->fields = form->reader->form();
  if (auto error = ExpandKey(&form->fields)) co_return *std::move(error);
  auto verified = api_gateway::AuthenticateForm(form->fields, bucket, context, credentials);
  if (!verified.ok()) co_return verified.error();
  form->policy = std::move(verified->policy);
  VerifiedRequest made(exchange, std::move(verified->identity));
  made.form_ = std::move(form);
  co_return made;
}

Task<S3Result<std::unique_ptr<VerifiedBody>>> VerifiedRequest::OpenFile(
    const BodyOptions& options) {
  CHECK(form_ != nullptr);
  FormReader& reader = *form_->reader;
  S3Result<BodyVerifier> verifier =
      BodyVerifier::Make(exchange_->request(), identity_, options.default_checksum, true);
  if (!verifier.ok()) co_return verifier.error();
  const Status found = co_await reader.FindFile();
  if (!found.ok()) co_return FormError(reader, found);
  const uint64_t size = reader.file_size();
  if (size > options.bytes_max) co_return TooLarge(size, options.bytes_max);
  if (form_->policy) {
    if (auto error = form_->policy->CheckLength(size)) co_return *std::move(error);
  }
  co_return std::unique_ptr<VerifiedBody>(
      std::make_unique<RequestBody>(*exchange_, *std::move(verifier), form_->reader));
}

S3Result<std::unique_ptr<VerifiedBody>> VerifiedRequest::OpenBody(const BodyOptions& options) {
  CHECK(form_ == nullptr);
  const HttpRequest& request = exchange_->request();
  const bool has_length = request.Find("content-length").has_value();
  uint64_t size = 0;
  std::optional<AwsChunkedOptions> chunked;
  if (IsStreaming(identity_.mode)) {
    if (!options.allow_streaming) {
      return S3Error(S3Code::kInvalidRequest,
                     "This operation does not take a body of the STREAMING kinds.");
    }
    if (!has_length && !exchange_->has_transfer_encoding()) {
      return S3Error(S3Code::kMissingContentLength);
    }
    S3Result<uint64_t> decoded = ParseDecodedContentLength(request);
    if (!decoded.ok()) return decoded.error();
    size = *decoded;
    chunked = MakeAwsChunkedOptions(identity_, size, request.Find("x-amz-trailer").value_or(""));
  } else {
    if (!has_length) return S3Error(S3Code::kMissingContentLength);
    size = exchange_->content_length().value_or(0);
  }
  if (size > options.bytes_max) return TooLarge(size, options.bytes_max);
  S3Result<BodyVerifier> verifier =
      BodyVerifier::Make(request, identity_, options.default_checksum, true);
  if (!verifier.ok()) return verifier.error();
  return std::unique_ptr<VerifiedBody>(
      std::make_unique<RequestBody>(*exchange_, *std::move(verifier), size, std::move(chunked)));
}

Task<S3Result<std::string>> VerifiedRequest::ReadSmallBody(uint64_t bytes_max,
                                                           bool integrity_required) {
  return ReadSmall(bytes_max, integrity_required, ChecksumHeaders::kOfBody);
}

Task<S3Result<std::string>> VerifiedRequest::ReadSmallBodyChecksumsOfObject(uint64_t bytes_max) {
  return ReadSmall(bytes_max, false, ChecksumHeaders::kOfObject);
}

Task<S3Result<std::string>> VerifiedRequest::ReadSmall(uint64_t bytes_max, bool integrity_required,
                                                       ChecksumHeaders checksum_headers) {
  CHECK(form_ == nullptr);
  if (IsStreaming(identity_.mode)) {
    co_return S3Error(S3Code::kInvalidRequest,
                      "This operation does not take a body of the STREAMING kinds.");
  }
  const bool compare = checksum_headers == ChecksumHeaders::kOfBody;
  S3Result<BodyVerifier> verifier = BodyVerifier::Make(
      exchange_->request(), identity_, model::ChecksumAlgorithm::kNone, false, compare);
  if (!verifier.ok()) co_return verifier.error();
  if (integrity_required && !verifier->has_integrity()) {
    co_return S3Error(S3Code::kInvalidRequest,
                      "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  }
  S3Result<std::string> read = co_await ReadWhole(*exchange_, bytes_max);
  if (!read.ok()) co_return read.error();
  std::string body = *std::move(read);
  verifier->Update(AsBytes(body));
  static const std::vector<std::pair<std::string, std::string>> kNoTrailers;
  if (auto error = verifier->Finish(kNoTrailers)) co_return std::move(*error);
  co_return body;
}

}  // namespace ashlar::api_gateway

// Oracles: what a client signs is accepted in every place and mode; the same request with one
// change is refused; and no bytes whatever make an accepted request without a secret.
#include <cstdio>
#include <cstdlib>
#include <source_location>

#include "api_gateway/auth/sigv4.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/tests/test_signer.h"

namespace {

using namespace ashlar;               // NOLINT: a program of its own
using namespace ashlar::api_gateway;  // NOLINT

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

// Takes pieces off the fuzzer's input.
class Input {
 public:
  explicit Input(std::string_view data) : data_(data) {}
  uint8_t Byte() {
    if (data_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(data_.front());
    data_.remove_prefix(1);
    return byte;
  }
  std::string Text(size_t size_max) {
    const size_t size = std::min<size_t>(Byte() % (size_max + 1), data_.size());
    std::string text(data_.substr(0, size));
    data_.remove_prefix(size);
    return text;
  }
  std::string Rest() { return std::string(std::exchange(data_, {})); }

 private:
  std::string_view data_;
};

std::string MakeUtf8(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) AppendUtf8(NextCodePoint(text, &i), &out);
  return out;
}

// A header value as an HTTP parser lets it through, already in canonical form.
std::string MakeValue(std::string text) {
  for (char& c : text) {
    if (static_cast<uint8_t>(c) <= 0x20 || c == 0x7f) c = '_';
  }
  return text;
}

AuthOutcome Verify(HttpRequest request, const testing::Signer& signer, SigningKeyCache* cache) {
  if (!ParseTarget(&request).ok()) return S3Error(S3Code::kInvalidUri);
  static const testing::Keys keys = testing::Keys::Example();
  return Authenticate(request, {.now_seconds = signer.now, .cache = cache}, keys);
}

void Mutate(Input* in, HttpRequest* request) {
  const uint8_t choice = in->Byte();
  switch (choice % 5) {
    case 0: {
      // A header that S3 acts on and nobody signed.
      request->headers.push_back({"x-amz-fuzz-" + std::to_string(in->Byte()), "1"});
      break;
    }
    case 1: request->method += "X"; break;
    case 2: request->raw_target.insert(1 + in->Byte() % request->raw_target.size(), "z"); break;
    case 3:
      for (Header& header : request->headers) {
        if (header.name == "host") header.value += ".evil";
      }
      break;
    case 4: request->headers[in->Byte() % request->headers.size()].value += "0"; break;
  }
}

void SignedIsAcceptedMutatedIsNot(Input in) {
  testing::Signer signer;
  SigningKeyCache cache(16);
  testing::ClientRequest client;
  const bool presigned = in.Byte() % 2 == 1;
  constexpr std::string_view kHashes[] = {
      testing::kEmptyHash, "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"};
  client.payload_hash = kHashes[in.Byte() % std::size(kHashes)];
  client.method = in.Byte() % 2 == 0 ? "GET" : "PUT";
  client.path = "/b/" + MakeUtf8(in.Text(40));
  for (int i = in.Byte() % 4; i > 0; --i) {
    // "q" in front: a parameter must not pose as a credential.
    client.query.emplace_back("q" + MakeUtf8(in.Text(8)), MakeUtf8(in.Text(16)));
  }
  for (int i = in.Byte() % 4; i > 0; --i) {
    client.headers.emplace_back("x-amz-meta-" + std::to_string(i), MakeValue(in.Text(16)));
  }
  HttpRequest request = presigned ? signer.Presign(client) : signer.Sign(client);
  const AuthOutcome accepted = Verify(request, signer, &cache);
  Require(accepted.ok() && accepted->identity->user_name == "alice" && !accepted->is_anonymous);
  Require(accepted->is_presigned == presigned);

  HttpRequest changed = request;
  Mutate(&in, &changed);
  Require(!Verify(changed, signer, &cache).ok());
  signer.secret += "x";
  HttpRequest forged = presigned ? signer.Presign(client) : signer.Sign(client);
  Require(!Verify(forged, signer, &cache).ok());
}

// Arbitrary target, Authorization and x-amz headers: refused or anonymous, never somebody.
void NoiseIsNobody(Input in) {
  HttpRequest request;
  request.method = "GET";
  const uint8_t flags = in.Byte();
  request.headers.push_back({"host", "s3.amazonaws.com"});
  if (flags & 1) request.headers.push_back({"x-amz-date", "20130524T000000Z"});
  if (flags & 2) request.headers.push_back({"x-amz-content-sha256", in.Text(100)});
  if (flags & 4) request.headers.push_back({"date", in.Text(40)});
  if (flags & 8) {
    std::string value = (flags & 16) ? "AWS4-HMAC-SHA256 " : "";
    request.headers.push_back({"authorization", value + in.Text(250)});
  }
  request.raw_target = "/" + in.Rest();
  const AuthOutcome outcome = Verify(request, {}, nullptr);
  if (outcome.ok()) {
    Require(outcome->is_anonymous && outcome->identity == nullptr);
    Require((flags & 8) == 0);
    Require(outcome->mode != PayloadMode::kStreamingSigned &&
            outcome->mode != PayloadMode::kStreamingSignedTrailer);
  } else {
    Require(outcome.error().http_status >= 400 && outcome.error().http_status < 500);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.front() % 2 == 0) {
    SignedIsAcceptedMutatedIsNot(Input(text.substr(1)));
  } else {
    NoiseIsNobody(Input(text.substr(1)));
  }
  return 0;
}

#include "load/signer.h"

#include <cstring>

namespace ashlar::bench {

Sha256Digest Sha256(std::string_view data) {
  // The low-level functions skip the algorithm lookup and allocation of an EVP context; at a few
  // hundred bytes a request that lookup costs more than the hash.
  SHA256_CTX context;
  Sha256Digest digest;
  SHA256_Init(&context);
  SHA256_Update(&context, data.data(), data.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

std::array<char, 64> Hex(const Sha256Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<char, 64> text;
  for (size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = kDigits[digest[i] >> 4];
    text[2 * i + 1] = kDigits[digest[i] & 15];
  }
  return text;
}

HmacKey::HmacKey(std::string_view key) {
  std::array<unsigned char, SHA256_CBLOCK> block{};
  if (key.size() > block.size()) {
    const Sha256Digest digest = Sha256(key);
    std::memcpy(block.data(), digest.data(), digest.size());
  } else {
    std::memcpy(block.data(), key.data(), key.size());
  }
  for (auto& byte : block) byte ^= 0x36;
  SHA256_Init(&inner_);
  SHA256_Update(&inner_, block.data(), block.size());
  for (auto& byte : block) byte ^= 0x36 ^ 0x5c;
  SHA256_Init(&outer_);
  SHA256_Update(&outer_, block.data(), block.size());
}

Sha256Digest HmacKey::Mac(std::string_view message) const {
  Sha256Digest digest;
  SHA256_CTX context = inner_;
  SHA256_Update(&context, message.data(), message.size());
  SHA256_Final(digest.data(), &context);
  context = outer_;
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

std::string UriEncode(std::string_view text, bool keep_slash) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                       byte == '~' || (keep_slash && byte == '/');
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

namespace {

std::string_view View(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

HmacKey DeriveKey(const Credentials& credentials, std::string_view date) {
  const Sha256Digest day = HmacKey("AWS4" + credentials.secret_key).Mac(date);
  const Sha256Digest region = HmacKey(View(day)).Mac(credentials.region);
  const Sha256Digest service = HmacKey(View(region)).Mac("s3");
  const Sha256Digest signing = HmacKey(View(service)).Mac("aws4_request");
  return HmacKey(View(signing));
}

}  // namespace

Signer::Signer(Credentials credentials) : credentials_(std::move(credentials)), key_("") {}

void Signer::SetTime(time_t unix_seconds) {
  if (unix_seconds == time_) return;
  time_ = unix_seconds;
  tm parts{};
  gmtime_r(&unix_seconds, &parts);
  std::strftime(date_time_.data(), date_time_.size(), "%Y%m%dT%H%M%SZ", &parts);
  const std::string_view date(date_time_.data(), 8);
  if (std::string_view(scope_).substr(0, 8) == date) return;
  scope_.assign(date).append("/").append(credentials_.region).append("/s3/aws4_request");
  key_ = DeriveKey(credentials_, date);
}

void Signer::BuildSignedHeaders(const RequestToSign& request) {
  signed_headers_.clear();
  for (const HeaderToSign& header : request.headers) {
    if (!signed_headers_.empty()) signed_headers_ += ';';
    signed_headers_ += header.name;
  }
}

std::array<char, 64> Signer::Sign(const RequestToSign& request) {
  BuildSignedHeaders(request);
  canonical_.assign(request.method).append("\n");
  canonical_.append(request.path).append("\n").append(request.query).append("\n");
  for (const HeaderToSign& header : request.headers) {
    canonical_.append(header.name).append(":").append(header.value).append("\n");
  }
  canonical_.append("\n").append(signed_headers_).append("\n").append(request.payload_hash);
  const auto canonical_hash = Hex(Sha256(canonical_));
  to_sign_.assign("AWS4-HMAC-SHA256\n").append(date_time()).append("\n");
  to_sign_.append(scope_).append("\n").append(canonical_hash.data(), canonical_hash.size());
  return Hex(key_.Mac(to_sign_));
}

void Signer::AppendAuthorization(const RequestToSign& request, std::string* out) {
  const auto signature = Sign(request);
  out->append("AWS4-HMAC-SHA256 Credential=").append(credentials_.access_key).append("/");
  out->append(scope_).append(", SignedHeaders=").append(signed_headers_);
  out->append(", Signature=").append(signature.data(), signature.size());
}

}  // namespace ashlar::bench

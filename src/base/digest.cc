// OpenSSL's low-level functions wrapped as values, and the choice of kernels for the rest.
//
//  1. No EVP: fetching an algorithm costs about 300 ns a call, more than hashing a small record.
//  2. Nothing here fails and nothing allocates.
//  3. What was derived from a key is wiped before HmacSha256 returns.
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <new>

#include "base/check.h"
#include "base/digest_kernels.h"

namespace ashlar {
namespace {

// The headers of OpenSSL stay out of digest.h: a hasher keeps its context as plain bytes.
template <typename Context, size_t kSize>
Context* ContextIn(std::array<uint8_t, kSize>& state) {
  static_assert(sizeof(Context) <= kSize, "state array too small for the OpenSSL context");
  static_assert(alignof(Context) <= 8, "state array not aligned enough");
  return std::launder(reinterpret_cast<Context*>(state.data()));
}

constexpr size_t kSha256BlockSize = 64;

}  // namespace

Md5Hasher::Md5Hasher() {
  new (state_.data()) MD5_CTX;
  CHECK(MD5_Init(ContextIn<MD5_CTX>(state_)) == 1);
}
void Md5Hasher::Update(ByteSpan bytes) {
  MD5_Update(ContextIn<MD5_CTX>(state_), bytes.data(), bytes.size());
}
Md5Digest Md5Hasher::Finish() {
  Md5Digest digest;
  MD5_Final(digest.data(), ContextIn<MD5_CTX>(state_));
  return digest;
}

Sha1Hasher::Sha1Hasher() {
  new (state_.data()) SHA_CTX;
  CHECK(SHA1_Init(ContextIn<SHA_CTX>(state_)) == 1);
}
void Sha1Hasher::Update(ByteSpan bytes) {
  SHA1_Update(ContextIn<SHA_CTX>(state_), bytes.data(), bytes.size());
}
Sha1Digest Sha1Hasher::Finish() {
  Sha1Digest digest;
  SHA1_Final(digest.data(), ContextIn<SHA_CTX>(state_));
  return digest;
}

Sha256Hasher::Sha256Hasher() {
  new (state_.data()) SHA256_CTX;
  CHECK(SHA256_Init(ContextIn<SHA256_CTX>(state_)) == 1);
}
void Sha256Hasher::Update(ByteSpan bytes) {
  SHA256_Update(ContextIn<SHA256_CTX>(state_), bytes.data(), bytes.size());
}
Sha256Digest Sha256Hasher::Finish() {
  Sha256Digest digest;
  SHA256_Final(digest.data(), ContextIn<SHA256_CTX>(state_));
  return digest;
}

Sha256Digest Sha256(ByteSpan bytes) {
  Sha256Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}
Md5Digest Md5(ByteSpan bytes) {
  Md5Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}
Sha1Digest Sha1(ByteSpan bytes) {
  Sha1Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}

// RFC 2104: H((key ^ opad) + H((key ^ ipad) + message)), a key longer than a block hashed first.
Sha256Digest HmacSha256(ByteSpan key, ByteSpan message) {
  std::array<uint8_t, kSha256BlockSize> pad{};
  if (key.size() > kSha256BlockSize) {
    const Sha256Digest short_key = Sha256(key);
    std::memcpy(pad.data(), short_key.data(), short_key.size());
  } else if (!key.empty()) {
    std::memcpy(pad.data(), key.data(), key.size());
  }
  for (uint8_t& byte : pad) byte ^= 0x36;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, message.data(), message.size());
  Sha256Digest digest;
  SHA256_Final(digest.data(), &context);

  for (uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  OPENSSL_cleanse(pad.data(), pad.size());
  OPENSSL_cleanse(&context, sizeof(context));
  return digest;
}

bool ConstantTimeEqual(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void Sha256ManyPortable(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests) {
  CHECK(inputs.size() == digests.size());
  for (size_t i = 0; i < inputs.size(); ++i) digests[i] = Sha256(inputs[i]);
}

void Sha256Many(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests) {
  CHECK(inputs.size() == digests.size());
  static const bool has_kernel = digest_kernels::CpuHasShaExtensions();
  static const bool wide = digest_kernels::CpuHasFastAvx512();
  if (has_kernel && inputs.size() > 1) {
    digest_kernels::Sha256ManyShaExtensions(inputs, digests, wide);
  } else {
    Sha256ManyPortable(inputs, digests);
  }
}

}  // namespace ashlar

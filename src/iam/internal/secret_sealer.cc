#include "iam/internal/secret_sealer.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "base/bytes.h"
#include "base/check.h"

namespace ashlar::iam {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* Bytes(std::string* text) { return reinterpret_cast<uint8_t*>(text->data()); }
int Length(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

SecretSealer::SecretSealer(Secret key) : key_(std::move(key)) {
  CHECK(key_.Reveal().size() == kSealingKeyBytes);
}

std::string SecretSealer::Seal(Random& random, std::string_view key_id,
                               const Secret& secret) const {
  std::array<uint8_t, kNonceBytes> nonce{};
  random.Fill(nonce);
  const std::string& plain = secret.Reveal();
  std::string out(AsText(nonce));
  out.resize(kNonceBytes + plain.size() + kTagBytes);
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  CHECK(cipher != nullptr);
  int length = 0;
  // These fail for want of memory only.
  CHECK(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key_.Reveal()),
                           nonce.data()) == 1);
  CHECK(EVP_EncryptUpdate(cipher.get(), nullptr, &length, Bytes(key_id), Length(key_id)) == 1);
  CHECK(EVP_EncryptUpdate(cipher.get(), Bytes(&out) + kNonceBytes, &length, Bytes(plain),
                          Length(plain)) == 1);
  CHECK(EVP_EncryptFinal_ex(cipher.get(), Bytes(&out) + kNonceBytes + length, &length) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                            Bytes(&out) + kNonceBytes + plain.size()) == 1);
  return Base64Encode(AsBytes(out));
}

Result<Secret> SecretSealer::Open(std::string_view key_id, std::string_view sealed) const {
  const Status damaged(Code::kCorrupt,
                       "the secret of access key " + std::string(key_id) +
                           " cannot be opened: it is damaged or was sealed under another key");
  std::string raw;
  if (!Base64Decode(sealed, &raw) || raw.size() < kNonceBytes + kTagBytes) return damaged;
  std::string tag = raw.substr(raw.size() - kTagBytes);
  const std::string_view body =
      std::string_view(raw).substr(kNonceBytes, raw.size() - kNonceBytes - kTagBytes);
  std::string plain(body.size(), '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  CHECK(cipher != nullptr);
  int length = 0;
  CHECK(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key_.Reveal()),
                           Bytes(raw)) == 1);
  CHECK(EVP_DecryptUpdate(cipher.get(), nullptr, &length, Bytes(key_id), Length(key_id)) == 1);
  CHECK(EVP_DecryptUpdate(cipher.get(), Bytes(&plain), &length, Bytes(body), Length(body)) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(cipher.get(), Bytes(&plain) + length, &length) != 1) return damaged;
  return Secret(std::move(plain));
}

}  // namespace ashlar::iam

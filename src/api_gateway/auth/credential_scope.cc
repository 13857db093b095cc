#include "api_gateway/auth/credential_scope.h"

#include <array>

namespace ashlar::api_gateway {
namespace {

constexpr size_t kAccessKeyBytesMax = 128;

Sha256Digest Derive(const AuthContext& context, const CredentialScope& credential,
                    std::string_view owner, const Secret& secret) {
  if (context.cache == nullptr) {
    return DeriveSigningKey(secret, credential.date, credential.region, credential.service);
  }
  return context.cache->Get(owner, secret, credential.date, credential.region);
}

}  // namespace

bool SplitCredential(std::string_view text, CredentialScope* credential) {
  const std::array<std::string_view*, 4> parts = {&credential->terminal, &credential->service,
                                                  &credential->region, &credential->date};
  const std::string_view whole = text;
  for (std::string_view* part : parts) {
    const size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return false;
    *part = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  credential->access_key = text;
  credential->scope = text.empty() ? std::string_view() : whole.substr(text.size() + 1);
  return !text.empty() && text.size() <= kAccessKeyBytesMax;
}

std::optional<ScopeMistake> FindScopeMistake(const AuthContext& context,
                                             const CredentialScope& credential,
                                             std::string_view amz_date) {
  if (credential.region != context.region) {
    return ScopeMistake{"the region '" + std::string(credential.region) +
                            "' is wrong; expecting '" + std::string(context.region) + "'",
                        true};
  }
  if (credential.service != context.service) {
    return ScopeMistake{"incorrect service \"" + std::string(credential.service) +
                        "\". This endpoint belongs to \"" + std::string(context.service) + "\"."};
  }
  if (credential.terminal != "aws4_request") {
    return ScopeMistake{"incorrect terminal \"" + std::string(credential.terminal) +
                        "\". This endpoint uses \"aws4_request\"."};
  }
  const std::string_view day = amz_date.substr(0, 8);
  if (credential.date != day) {
    return ScopeMistake{"Invalid credential date \"" + std::string(credential.date) +
                        "\". This date is not the same as X-Amz-Date: \"" + std::string(day) +
                        "\"."};
  }
  return std::nullopt;
}

SigningKey FindSigningKey(const AuthContext& context, const CredentialLookup& lookup,
                          const CredentialScope& credential) {
  // No real key's secret: what is signed with it is not accepted, as the credential is null.
  static const Secret kNobody("nobody's secret");
  SigningKey found;
  found.credential = lookup.Find(credential.access_key);
  const bool known =
      found.credential && found.credential->enabled && !found.credential->secret.empty();
  found.key = Derive(context, credential, known ? credential.access_key : std::string_view(),
                     known ? found.credential->secret : kNobody);
  if (!known) found.credential = nullptr;
  return found;
}

bool IsSignature(const Sha256Digest& mac, std::string_view provided) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<char, 2 * sizeof(Sha256Digest)> expected{};
  for (size_t i = 0; i < mac.size(); ++i) {
    expected[2 * i] = kDigits[mac[i] >> 4];
    expected[2 * i + 1] = kDigits[mac[i] & 15];
  }
  return ConstantTimeEqual(AsBytes(std::string_view(expected.data(), expected.size())),
                           AsBytes(provided));
}

S3Error SignatureVersionNotSupported() {
  return S3Error(S3Code::kInvalidRequest,
                 "The authorization mechanism you have provided is not supported. Please use "
                 "AWS4-HMAC-SHA256.");
}

S3Error SignatureMismatch(const FailedSignature& signature) {
  return S3Error(S3Code::kSignatureDoesNotMatch)
      .With("AWSAccessKeyId", signature.access_key)
      .With("StringToSign", signature.string_to_sign)
      .With("SignatureProvided", signature.provided)
      .With("StringToSignBytes", SpacedHex(signature.string_to_sign));
}

std::string SpacedHex(std::string_view text) {
  const std::string hex = HexEncode(AsBytes(text));
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    if (i > 0) out.push_back(' ');
    out.append(hex, i, 2);
  }
  return out;
}

}  // namespace ashlar::api_gateway

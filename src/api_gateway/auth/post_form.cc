#include "api_gateway/auth/post_form.h"

#include <algorithm>
#include <array>

#include "api_gateway/auth/credential_scope.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kFileNameVariable = "${filename}";

// A field that has to be there, by the names that S3 calls it and that we compare.
struct Required {
  std::string_view name;
  std::string_view shown;
};
constexpr std::array<Required, 5> kVersion4 = {{{"policy", "policy"},
                                                {"x-amz-algorithm", "X-Amz-Algorithm"},
                                                {"x-amz-credential", "X-Amz-Credential"},
                                                {"x-amz-date", "X-Amz-Date"},
                                                {"x-amz-signature", "X-Amz-Signature"}}};
constexpr std::array<Required, 2> kVersion2 = {
    {{"awsaccesskeyid", "AWSAccessKeyId"}, {"signature", "Signature"}}};

S3Error MissingField(std::string_view shown) {
  return InvalidArgument("Bucket POST must contain a field named '" + std::string(shown) +
                             "'.  If it is specified, please check the order of the fields.",
                         shown, "");
}

template <size_t count>
std::optional<S3Error> CheckComplete(const Form& form, const std::array<Required, count>& fields) {
  for (const Required& field : fields) {
    if (form.Find(field.name) == nullptr) return MissingField(field.shown);
  }
  return std::nullopt;
}

// Without the policy, which says nothing about who sends it.
template <size_t count>
bool HasAny(const Form& form, const std::array<Required, count>& fields) {
  return std::any_of(fields.begin(), fields.end(), [&form](const Required& field) {
    return field.name != "policy" && form.Find(field.name) != nullptr;
  });
}

std::optional<S3Error> CheckVersion2(const Form& form) {
  if (!HasAny(form, kVersion2)) return std::nullopt;
  if (auto error = CheckComplete(form, kVersion2)) return error;
  return SignatureVersionNotSupported();
}

std::optional<S3Error> CheckDate(const AuthContext& context, std::string_view amz_date) {
  const auto signed_at = ParseAmzDate(amz_date);
  if (!signed_at) {
    return InvalidArgument("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
                           "X-Amz-Date", amz_date);
  }
  if (*signed_at <= context.now_seconds + kClockSkewSecondsMax) return std::nullopt;
  return S3Error(S3Code::kAccessDenied, "Request is not valid yet")
      .With("X-Amz-Date", amz_date)
      .With("ServerTime", FormatIso8601Seconds(context.now_seconds));
}

// Algorithm, credential and date, as far as they can be judged without a key.
std::optional<S3Error> ReadCredential(const Form& form, const AuthContext& context,
                                      CredentialScope* credential) {
  const std::string_view algorithm = form.Find("x-amz-algorithm")->value;
  const std::string_view text = form.Find("x-amz-credential")->value;
  const std::string_view amz_date = form.Find("x-amz-date")->value;
  if (algorithm != kSigningAlgorithm) {
    return InvalidArgument("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"", "X-Amz-Algorithm",
                           algorithm);
  }
  if (!SplitCredential(text, credential)) {
    return InvalidArgument(
        "the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        "X-Amz-Credential", text);
  }
  if (auto error = CheckDate(context, amz_date)) return error;
  const auto mistake = FindScopeMistake(context, *credential, amz_date);
  if (!mistake) return std::nullopt;
  S3Error error = InvalidArgument("Error parsing the X-Amz-Credential field; " + mistake->text,
                                  "X-Amz-Credential", text);
  if (mistake->wrong_region) error.With("Region", context.region);
  return error;
}

S3Result<Verified> VerifySigned(const Form& form, const AuthContext& context,
                                const CredentialLookup& lookup) {
  CredentialScope credential;
  if (auto error = ReadCredential(form, context, &credential)) return *std::move(error);
  const std::string& policy = form.Find("policy")->value;
  const std::string& provided = form.Find("x-amz-signature")->value;
  const SigningKey found = FindSigningKey(context, lookup, credential);
  const Sha256Digest mac = HmacSha256(found.key, AsBytes(policy));
  const bool fits = IsSignature(mac, ToLower(provided));
  if (!found.credential) {
    return S3Error(S3Code::kInvalidAccessKeyId).With("AWSAccessKeyId", credential.access_key);
  }
  if (!fits) return SignatureMismatch({credential.access_key, policy, provided});
  // Session tokens are not issued here, so none can be valid.
  if (form.Find("x-amz-security-token") != nullptr) return S3Error(S3Code::kInvalidToken);
  Verified verified;
  verified.identity = found.credential->identity;
  verified.access_key = credential.access_key;
  return verified;
}

// Of "C:\photos\cat.jpg" and "/photos/cat.jpg" the last part.
std::string_view BaseName(std::string_view path) {
  const size_t separator = path.find_last_of("/\\");
  return separator == std::string_view::npos ? path : path.substr(separator + 1);
}

}  // namespace

std::optional<S3Error> CheckFormRequest(const HttpRequest& request) {
  if (HasCredentials(request)) {
    return InvalidArgument(
        "Only one auth mechanism allowed; a POST upload carries its credentials in its form, not "
        "in the query string or the Authorization header",
        "Authorization", request.Find("authorization").value_or(""));
  }
  std::string unsigned_names;
  for (const Header& header : request.headers) {
    if (!header.name.starts_with("x-amz-") && header.name != "content-md5") continue;
    unsigned_names.append(unsigned_names.empty() ? "" : ", ").append(header.name);
  }
  if (unsigned_names.empty()) return std::nullopt;
  return S3Error(S3Code::kAccessDenied,
                 "There were headers present in the request which were not signed; a POST upload "
                 "says in its form what the object shall be")
      .With("HeadersNotSigned", unsigned_names);
}

std::optional<S3Error> ExpandKey(Form* form) {
  const auto field = std::find_if(form->fields.begin(), form->fields.end(),
                                  [](const FormField& f) { return f.name == "key"; });
  if (field == form->fields.end()) return MissingField("key");
  std::string& key = field->value;
  if (form->file_name) {
    const std::string_view file_name = BaseName(*form->file_name);
    std::string expanded;
    std::string_view rest = key;
    for (size_t at = rest.find(kFileNameVariable); at != std::string_view::npos;
         at = rest.find(kFileNameVariable)) {
      expanded.append(rest.substr(0, at)).append(file_name);
      rest.remove_prefix(at + kFileNameVariable.size());
      if (expanded.size() > kKeyBytesMax) break;  // no key already, however it goes on
    }
    key = expanded.append(rest);
  }
  if (key.empty()) {
    return InvalidArgument("User key must have a length greater than 0.", "key", "");
  }
  if (!IsValidUtf8(key)) return InvalidArgument("The key is not UTF-8.", "key", "");
  if (key.size() <= kKeyBytesMax) return std::nullopt;
  return S3Error(S3Code::kKeyTooLongError)
      .With("Size", std::to_string(key.size()))
      .With("MaxSizeAllowed", std::to_string(kKeyBytesMax));
}

S3Result<VerifiedForm> AuthenticateForm(const Form& form, std::string_view bucket,
                                        const AuthContext& context,
                                        const CredentialLookup& lookup) {
  const FormField* const named = form.Find("bucket");
  if (named != nullptr && named->value != bucket) {
    return InvalidArgument("The field 'bucket' does not name the bucket of the request", "bucket",
                           named->value);
  }
  VerifiedForm verified;
  if (HasAny(form, kVersion4)) {
    if (HasAny(form, kVersion2)) {
      return InvalidArgument("Only one auth mechanism allowed", "AWSAccessKeyId", "");
    }
    if (auto error = CheckComplete(form, kVersion4)) return *std::move(error);
    auto identity = VerifySigned(form, context, lookup);
    if (!identity.ok()) return identity.error();
    auto policy = PostPolicy::Parse(form.Find("policy")->value);
    if (!policy.ok()) return policy.error();
    if (auto error = policy->Check(form, bucket, context.now_seconds)) return *std::move(error);
    verified.identity = *std::move(identity);
    verified.policy = *std::move(policy);
  } else {
    if (auto error = CheckVersion2(form)) return *std::move(error);
    verified.identity.is_anonymous = true;
  }
  verified.identity.is_form = true;
  return verified;
}

}  // namespace ashlar::api_gateway

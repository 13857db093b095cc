#include "api_gateway/auth/sigv4.h"

#include <algorithm>
#include <array>
#include <vector>

#include "api_gateway/auth/canonical_request.h"
#include "api_gateway/auth/credential_scope.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr size_t kSignedHeadersMax = 100;

enum class Location { kNone, kHeader, kQuery };

// What a client claims, before anything is verified. Views into the request.
struct Claim : CredentialScope {
  Location location = Location::kNone;
  std::string_view signed_headers;
  PooledVector<std::string_view> names;
  std::string_view signature;
  std::string_view payload_hash;
  PooledString amz_date;
  int64_t signed_at = 0;
};

using MaybeError = std::optional<S3Error>;

// The code and the beginning of the message differ between header and query.
S3Error Malformed(Location location, std::string text) {
  if (location == Location::kHeader) {
    return S3Error(S3Code::kAuthorizationHeaderMalformed,
                   "The authorization header is malformed; " + text);
  }
  return S3Error(S3Code::kAuthorizationQueryParametersError,
                 "Error parsing the X-Amz-Credential parameter; " + text);
}

S3Error QueryError(std::string text) {
  return S3Error(S3Code::kAuthorizationQueryParametersError, std::move(text));
}

// Parameters of signature versions 4 and 2. Matched without regard to case: a misspelt one must not
// make a signed request an anonymous one.
bool IsQueryCredential(std::string_view name) {
  for (const std::string_view known :
       {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders"}) {
    if (EqualsIgnoreCase(name, known)) return true;
  }
  return false;
}
bool IsVersion2Credential(std::string_view name) {
  return name == "AWSAccessKeyId" || name == "Signature";
}

S3Result<Location> Locate(const HttpRequest& request) {
  const size_t headers = request.Count("authorization");
  bool version4 = false;
  bool version2 = false;
  for (const QueryParameter& parameter : request.query) {
    version4 |= IsQueryCredential(parameter.name);
    version2 |= IsVersion2Credential(parameter.name);
  }
  if (headers + (version4 ? 1 : 0) + (version2 ? 1 : 0) > 1) {
    return InvalidArgument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
        "query string parameter or the Authorization header should be specified",
        "Authorization", headers > 0 ? *request.Find("authorization") : std::string_view());
  }
  if (version2) return SignatureVersionNotSupported();
  if (version4) return Location::kQuery;
  return headers == 1 ? Location::kHeader : Location::kNone;
}

bool IsHeaderNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// Lower-case names separated by ';', none twice.
bool SplitSignedHeaders(std::string_view text, PooledVector<std::string_view>* names) {
  names->reserve(8);
  while (true) {
    const size_t end = std::min(text.find(';'), text.size());
    const std::string_view name = text.substr(0, end);
    if (name.empty() || !std::all_of(name.begin(), name.end(), IsHeaderNameByte)) return false;
    if (std::find(names->begin(), names->end(), name) != names->end()) return false;
    if (names->size() == kSignedHeadersMax) return false;
    names->push_back(name);
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

MaybeError SetCredential(std::string_view text, Claim* claim) {
  if (SplitCredential(text, claim)) return std::nullopt;
  return Malformed(claim->location,
                   "the Credential is mal-formed; expecting "
                   "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
}

MaybeError SetSignature(std::string_view text, Claim* claim) {
  claim->signature = text;
  return std::nullopt;
}

MaybeError SetSignedHeaders(std::string_view text, Claim* claim) {
  claim->signed_headers = text;
  if (SplitSignedHeaders(text, &claim->names)) return std::nullopt;
  if (claim->location == Location::kHeader) {
    return Malformed(claim->location, "the SignedHeaders component is not valid.");
  }
  return QueryError("X-Amz-SignedHeaders is not valid.");
}

// Not version 4 in an Authorization header: what it is decides the answer.
S3Error OtherScheme(std::string_view value) {
  if (value.empty()) return S3Error(S3Code::kAccessDenied);
  if (value.starts_with("AWS ")) {
    if (value.find(':') != std::string_view::npos) return SignatureVersionNotSupported();
    return InvalidArgument(
        "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature", "Authorization",
        value);
  }
  if (value == kSigningAlgorithm) {
    return Malformed(Location::kHeader, "the authorization header requires a Credential.");
  }
  if (value.starts_with("AWS4-")) return SignatureVersionNotSupported();
  return InvalidArgument("Unsupported Authorization Type", "Authorization", value);
}

MaybeError ReadAuthorization(std::string_view value, Claim* claim) {
  value = TrimBlanks(value);
  if (!value.starts_with(kSigningAlgorithm) || value.size() == kSigningAlgorithm.size() ||
      (value[kSigningAlgorithm.size()] != ' ' && value[kSigningAlgorithm.size()] != '\t')) {
    return OtherScheme(value);
  }
  value.remove_prefix(kSigningAlgorithm.size());
  struct Component {
    std::string_view prefix;
    MaybeError (*set)(std::string_view, Claim*);
    bool seen = false;
  };
  std::array<Component, 3> components = {{{"Credential=", SetCredential},
                                          {"SignedHeaders=", SetSignedHeaders},
                                          {"Signature=", SetSignature}}};
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    const std::string_view text = TrimBlanks(value.substr(0, comma));
    value.remove_prefix(std::min(comma + 1, value.size()));
    const auto found = std::find_if(components.begin(), components.end(),
                                    [text](const auto& c) { return text.starts_with(c.prefix); });
    if (found == components.end() || found->seen) {
      return Malformed(claim->location,
                       "the authorization component \"" + std::string(text) + "\" is malformed.");
    }
    found->seen = true;
    if (auto error = found->set(text.substr(found->prefix.size()), claim)) return error;
  }
  for (const Component& component : components) {
    if (!component.seen) {
      return Malformed(claim->location,
                       "the authorization header requires three components: Credential, "
                       "SignedHeaders, and Signature.");
    }
  }
  return std::nullopt;
}

// x-amz-date, or else Date. Missing or unreadable is 403, as AWS answers.
MaybeError ReadHeaderDate(const HttpRequest& request, Claim* claim) {
  const auto missing = [] {
    return S3Error(S3Code::kAccessDenied,
                   "AWS authentication requires a valid Date or x-amz-date header");
  };
  if (const auto amz_date = request.Find("x-amz-date")) {
    const auto seconds = ParseAmzDate(TrimBlanks(*amz_date));
    if (!seconds || request.Count("x-amz-date") > 1) return missing();
    claim->signed_at = *seconds;
    claim->amz_date = TrimBlanks(*amz_date);
    return std::nullopt;
  }
  const auto date = request.Find("date");
  if (!date || request.Count("date") > 1) return missing();
  auto seconds = ParseHttpDate(TrimBlanks(*date));
  if (!seconds) seconds = ParseAmzDate(TrimBlanks(*date));
  if (!seconds) return missing();
  claim->signed_at = *seconds;
  claim->amz_date = FormatAmzDate(*seconds);
  return std::nullopt;
}

MaybeError ReadHeaderPayloadHash(const HttpRequest& request, const AuthContext& context,
                                 Claim* claim) {
  const auto hash = request.Find("x-amz-content-sha256");
  if (!hash && !context.body_sha256.empty()) {
    claim->payload_hash = context.body_sha256;
    return std::nullopt;
  }
  if (!hash) {
    return S3Error(S3Code::kInvalidRequest,
                   "Missing required header for this request: x-amz-content-sha256");
  }
  if (request.Count("x-amz-content-sha256") > 1) {
    return S3Error(S3Code::kInvalidRequest, "Repeated header: x-amz-content-sha256");
  }
  claim->payload_hash = TrimBlanks(*hash);
  return std::nullopt;
}

MaybeError ReadHeaderClaim(const HttpRequest& request, const AuthContext& context, Claim* claim) {
  if (auto error = ReadAuthorization(*request.Find("authorization"), claim)) return error;
  if (auto error = ReadHeaderDate(request, claim)) return error;
  if (auto error = ReadHeaderPayloadHash(request, context, claim)) return error;
  const int64_t skew = claim->signed_at - context.now_seconds;
  if (skew > kClockSkewSecondsMax || skew < -kClockSkewSecondsMax) {
    return S3Error(S3Code::kRequestTimeTooSkewed)
        .With("RequestTime", claim->amz_date)
        .With("ServerTime", FormatIso8601Seconds(context.now_seconds))
        .With("MaxAllowedSkewMilliseconds", std::to_string(kClockSkewSecondsMax * 1000));
  }
  return std::nullopt;
}

// The one value of a parameter, nullopt when it is missing or there twice.
std::optional<std::string_view> Single(const HttpRequest& request, std::string_view name) {
  std::optional<std::string_view> value;
  for (const QueryParameter& parameter : request.query) {
    if (parameter.name != name) continue;
    if (value) return std::nullopt;
    value = parameter.value;
  }
  return value;
}

MaybeError CheckExpiry(std::string_view expires_text, const AuthContext& context,
                       const Claim& claim) {
  unsigned long long expires = 0;
  if (expires_text.starts_with('-')) return QueryError("X-Amz-Expires must be non-negative");
  if (!ParseUnsigned(expires_text, &expires)) return QueryError("X-Amz-Expires should be a number");
  if (expires < 1) return QueryError("X-Amz-Expires must be at least one second");
  if (expires > static_cast<unsigned long long>(kPresignSecondsMax)) {
    return QueryError(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
        "must be less than 604800 seconds");
  }
  if (claim.signed_at > context.now_seconds + kClockSkewSecondsMax) {
    return S3Error(S3Code::kAccessDenied, "Request is not valid yet")
        .With("X-Amz-Date", claim.amz_date)
        .With("ServerTime", FormatIso8601Seconds(context.now_seconds));
  }
  const int64_t end = claim.signed_at + static_cast<int64_t>(expires);
  if (context.now_seconds > end) {
    return S3Error(S3Code::kAccessDenied, "Request has expired")
        .With("X-Amz-Expires", expires_text)
        .With("Expires", FormatIso8601Seconds(end))
        .With("ServerTime", FormatIso8601Seconds(context.now_seconds));
  }
  return std::nullopt;
}

MaybeError ReadQueryPayloadHash(const HttpRequest& request, Claim* claim) {
  claim->payload_hash = kUnsignedPayload;
  const auto in_query = request.FindQuery("X-Amz-Content-Sha256");
  const auto in_header = request.Find("x-amz-content-sha256");
  if (request.Count("x-amz-content-sha256") > 1 ||
      (in_query && in_header && *in_query != TrimBlanks(*in_header))) {
    return S3Error(S3Code::kInvalidRequest, "Conflicting values of x-amz-content-sha256");
  }
  if (in_header) claim->payload_hash = TrimBlanks(*in_header);
  if (in_query) claim->payload_hash = *in_query;
  return std::nullopt;
}

MaybeError ReadQueryClaim(const HttpRequest& request, const AuthContext& context, Claim* claim) {
  const auto algorithm = Single(request, "X-Amz-Algorithm");
  const auto credential = Single(request, "X-Amz-Credential");
  const auto signature = Single(request, "X-Amz-Signature");
  const auto date = Single(request, "X-Amz-Date");
  const auto signed_headers = Single(request, "X-Amz-SignedHeaders");
  const auto expires = Single(request, "X-Amz-Expires");
  if (!algorithm || !credential || !signature || !date || !signed_headers || !expires) {
    return QueryError(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  if (*algorithm != kSigningAlgorithm) {
    return QueryError("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  }
  if (auto error = SetCredential(*credential, claim)) return error;
  if (auto error = SetSignedHeaders(*signed_headers, claim)) return error;
  claim->signature = *signature;
  const auto seconds = ParseAmzDate(*date);
  if (!seconds) {
    return QueryError("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  claim->signed_at = *seconds;
  claim->amz_date = *date;
  if (auto error = CheckExpiry(*expires, context, *claim)) return error;
  return ReadQueryPayloadHash(request, claim);
}

MaybeError CheckScope(const AuthContext& context, const Claim& claim) {
  const auto mistake = FindScopeMistake(context, claim, claim.amz_date);
  if (!mistake) return std::nullopt;
  S3Error error = Malformed(claim.location, mistake->text);
  if (mistake->wrong_region) error.With("Region", context.region);
  return error;
}

bool IsLowerHex256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

S3Result<PayloadMode> ModeOf(std::string_view hash, const HttpRequest& request,
                             const AuthContext& context) {
  if (hash == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") return PayloadMode::kStreamingSigned;
  if (hash == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") {
    return PayloadMode::kStreamingSignedTrailer;
  }
  const bool is_trailer = hash == "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
  if (is_trailer || hash == kUnsignedPayload) {
    if (!request.tls && !context.allow_unsigned_payload_without_tls) {
      return S3Error(S3Code::kInvalidRequest, "An unsigned payload requires a TLS connection.");
    }
    return is_trailer ? PayloadMode::kStreamingUnsignedTrailer : PayloadMode::kUnsigned;
  }
  if (IsLowerHex256(hash)) return PayloadMode::kSignedHash;
  return InvalidArgument(
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid "
      "sha256 value.",
      "x-amz-content-sha256", hash);
}

// Host and every x-amz-* header that is there must be signed. x-amz-content-sha256 is signed by its
// value being the last line of the canonical request.
MaybeError CheckCoverage(const HttpRequest& request, const Claim& claim) {
  const auto is_signed = [&claim](std::string_view name) {
    return std::find(claim.names.begin(), claim.names.end(), name) != claim.names.end();
  };
  std::vector<std::string_view> missing;
  if (!is_signed("host")) missing.push_back("host");
  for (const Header& header : request.headers) {
    if (header.name.starts_with("x-amz-") && header.name != "x-amz-content-sha256" &&
        !is_signed(header.name)) {
      missing.push_back(header.name);
    }
  }
  if (missing.empty()) return std::nullopt;
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  std::string list;
  for (const std::string_view name : missing) {
    if (!list.empty()) list += ", ";
    list += name;
  }
  return S3Error(S3Code::kAccessDenied,
                 "There were headers present in the request which were not signed")
      .With("HeadersNotSigned", list);
}

// The other way to write the host: with or without the port that is the scheme's default.
std::string AlternativeHost(std::string_view host, bool tls) {
  const std::string_view port = tls ? ":443" : ":80";
  if (host.ends_with(port)) return std::string(host.substr(0, host.size() - port.size()));
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && !host.ends_with(']')) return {};
  return std::string(host) + std::string(port);
}

void AppendHex(ByteSpan bytes, PooledString* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    out->push_back(kDigits[byte >> 4]);
    out->push_back(kDigits[byte & 15]);
  }
}

struct Signing {
  PooledString canonical;
  PooledString string_to_sign;
  Sha256Digest mac;
};

void Sign(const HttpRequest& request, const Claim& claim, const Sha256Digest& key,
          const CanonicalParts& parts, Signing* out) {
  out->canonical.clear();
  out->canonical.reserve(768);
  AppendCanonicalRequest(request, claim.names, parts, &out->canonical);
  const Sha256Digest digest = Sha256(AsBytes(out->canonical));
  PooledString& text = out->string_to_sign;
  text.clear();
  text.reserve(160);
  text.append(kSigningAlgorithm).push_back('\n');
  text.append(claim.amz_date).push_back('\n');
  text.append(claim.scope).push_back('\n');
  AppendHex(digest, &text);
  out->mac = HmacSha256(key, AsBytes(text));
}

// True when the signature fits the request in one of the spellings that mean the same: the path in
// canonical encoding or exactly as sent, the host with or without the default port.
bool SignatureFits(const HttpRequest& request, const Claim& claim, const Sha256Digest& key,
                   Signing* first) {
  // Compared as text, in lower case: what is no hex digit stays different.
  PooledString provided(claim.signature);
  for (char& c : provided) c = AsciiLower(c);
  const PooledString path = CanonicalPath(request.raw_path);
  const PooledString query = CanonicalQuery(request);
  const std::string_view host = TrimBlanks(*request.Find("host"));
  CanonicalParts parts{path, query, host, claim.signed_headers, claim.payload_hash};
  Sign(request, claim, key, parts, first);
  if (IsSignature(first->mac, provided)) return true;

  Signing other;
  const std::string other_host = AlternativeHost(host, request.tls);
  for (const std::string_view spelt :
       {std::string_view(path), std::string_view(request.raw_path)}) {
    for (const std::string_view name : {host, std::string_view(other_host)}) {
      const bool was_first = spelt == path && name == host;
      if (was_first || name.empty()) continue;
      parts.path = spelt;
      parts.host = name;
      Sign(request, claim, key, parts, &other);
      if (IsSignature(other.mac, provided)) return true;
    }
  }
  return false;
}

S3Error DoesNotMatch(const Claim& claim, const Signing& signing) {
  return SignatureMismatch({claim.access_key, signing.string_to_sign, claim.signature})
      .With("CanonicalRequest", signing.canonical)
      .With("CanonicalRequestBytes", SpacedHex(signing.canonical));
}

AuthOutcome VerifySignature(const HttpRequest& request, const AuthContext& context,
                            const CredentialLookup& lookup, const Claim& claim, PayloadMode mode) {
  const SigningKey found = FindSigningKey(context, lookup, claim);
  Verified verified;
  verified.signing_key = found.key;
  Signing signing;
  const bool fits = SignatureFits(request, claim, found.key, &signing);
  if (!found.credential) {
    return S3Error(S3Code::kInvalidAccessKeyId).With("AWSAccessKeyId", claim.access_key);
  }
  if (!fits) return DoesNotMatch(claim, signing);
  // Session tokens are not issued here, so none can be valid.
  if (request.Find("x-amz-security-token") || request.HasQuery("X-Amz-Security-Token")) {
    return S3Error(S3Code::kInvalidToken);
  }
  verified.identity = found.credential->identity;
  verified.access_key = claim.access_key;
  verified.is_presigned = claim.location == Location::kQuery;
  verified.mode = mode;
  if (mode == PayloadMode::kSignedHash) verified.expected_sha256 = claim.payload_hash;
  if (IsStreaming(mode)) {
    verified.seed_signature = ToLower(claim.signature);
    verified.scope = claim.scope;
    verified.amz_date = claim.amz_date;
  }
  return verified;
}

// Without credentials there is nothing that a chunk signature could be checked with.
AuthOutcome Anonymous(const HttpRequest& request, const AuthContext& context) {
  Verified verified;
  verified.is_anonymous = true;
  const auto hash = request.Find("x-amz-content-sha256");
  if (!hash) return verified;
  if (request.Count("x-amz-content-sha256") > 1) {
    return S3Error(S3Code::kInvalidRequest, "Repeated header: x-amz-content-sha256");
  }
  const auto mode = ModeOf(TrimBlanks(*hash), request, context);
  if (!mode.ok()) return mode.error();
  if (*mode == PayloadMode::kStreamingSigned || *mode == PayloadMode::kStreamingSignedTrailer) {
    return S3Error(S3Code::kAccessDenied);
  }
  verified.mode = *mode;
  if (*mode == PayloadMode::kSignedHash) verified.expected_sha256 = TrimBlanks(*hash);
  return verified;
}

}  // namespace

bool IsStreaming(PayloadMode mode) {
  return mode == PayloadMode::kStreamingSigned || mode == PayloadMode::kStreamingSignedTrailer ||
         mode == PayloadMode::kStreamingUnsignedTrailer;
}

bool HasCredentials(const HttpRequest& request) {
  const auto location = Locate(request);
  return !location.ok() || *location != Location::kNone;
}

AuthOutcome Authenticate(const HttpRequest& request, const AuthContext& context,
                         const CredentialLookup& lookup) {
  const auto location = Locate(request);
  if (!location.ok()) return location.error();
  if (*location == Location::kNone) return Anonymous(request, context);
  Claim claim;
  claim.location = *location;
  const MaybeError unreadable = *location == Location::kHeader
                                    ? ReadHeaderClaim(request, context, &claim)
                                    : ReadQueryClaim(request, context, &claim);
  if (unreadable) return *unreadable;
  if (request.Count("host") != 1) {
    return S3Error(S3Code::kBadRequest, "A request needs exactly one Host header.");
  }
  if (const auto error = CheckScope(context, claim)) return *error;
  const auto mode = ModeOf(claim.payload_hash, request, context);
  if (!mode.ok()) return mode.error();
  if (const auto error = CheckCoverage(request, claim)) return *error;
  return VerifySignature(request, context, lookup, claim, *mode);
}

std::optional<S3Error> AdoptSignedQueryHeaders(const Verified& verified, HttpRequest* request) {
  if (!verified.is_presigned) return std::nullopt;
  for (const QueryParameter& parameter : request->query) {
    std::string name = ToLower(parameter.name);
    if (!name.starts_with("x-amz-") || request->Find(name)) continue;
    if (IsQueryCredential(name) || name == "x-amz-date" || name == "x-amz-expires" ||
        name == "x-amz-content-sha256" || name == "x-amz-security-token") {
      continue;
    }
    // A decoded value may hold what the HTTP parser never lets into a header.
    const auto is_control = [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    if (std::any_of(parameter.value.begin(), parameter.value.end(), is_control)) {
      return InvalidArgument("Control characters are not allowed in a header", name,
                             parameter.raw_value);
    }
    request->headers.push_back({std::move(name), parameter.value});
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway

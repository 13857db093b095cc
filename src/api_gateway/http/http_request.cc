#include "api_gateway/http/http_request.h"

#include <algorithm>

#include "api_gateway/protocol/bucket_name.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

Status BadTarget(const char* why) { return Status(Code::kInvalidArgument, why); }

// The target without scheme and authority; empty when it is neither origin nor absolute form.
std::string_view OriginForm(std::string_view target) {
  if (target.starts_with('/')) return target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() ||
        !EqualsIgnoreCase(target.substr(0, scheme.size()), scheme)) {
      continue;
    }
    const std::string_view rest = target.substr(scheme.size());
    const size_t end = rest.find_first_of("/?");
    if (end == std::string_view::npos) return "/";
    return rest[end] == '/' ? rest.substr(end) : std::string_view();
  }
  return {};
}

Status ParseQuery(std::string_view text, PooledVector<QueryParameter>* query) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (query->size() == kQueryParametersMax) return BadTarget("too many query parameters");
    const size_t equals = pair.find('=');
    QueryParameter parameter;
    parameter.has_equals = equals != std::string_view::npos;
    parameter.raw_name = pair.substr(0, equals);
    if (parameter.has_equals) parameter.raw_value = pair.substr(equals + 1);
    if (!PercentDecode(parameter.raw_name, PlusSign::kSpace, &parameter.name) ||
        !PercentDecode(parameter.raw_value, PlusSign::kSpace, &parameter.value)) {
      return BadTarget("invalid percent-encoding in the query");
    }
    if (!IsValidUtf8(parameter.name) || !IsValidUtf8(parameter.value)) {
      return BadTarget("the query is not UTF-8");
    }
    query->push_back(std::move(parameter));
  }
  return Status::Ok();
}

// Host in lower case without the port; brackets of an IPv6 literal stay.
std::string HostName(std::string_view host) {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = host.substr(0, colon);
  }
  return ToLower(host);
}

// The bucket that Host names below one of the domains, or empty.
std::string VirtualHostBucket(const HttpRequest& request, std::span<const std::string> domains) {
  if (domains.empty()) return {};
  const auto header = request.Find("host");
  if (!header.has_value()) return {};
  const std::string host = HostName(TrimBlanks(*header));
  std::string best;
  for (const std::string& domain : domains) {
    if (domain.empty() || host.size() < domain.size() + 2) continue;
    const size_t dot = host.size() - domain.size() - 1;
    if (host[dot] != '.' || !EqualsIgnoreCase(std::string_view(host).substr(dot + 1), domain)) {
      continue;
    }
    // With nested domains the longest one wins: it leaves the shortest bucket name.
    std::string bucket = host.substr(0, dot);
    if (IsValidBucketName(bucket) && (best.empty() || bucket.size() < best.size())) {
      best = std::move(bucket);
    }
  }
  return best;
}

// Where the bucket segment ends: at a '/' or at an encoded one. `length` is that of the separator.
size_t FindSlash(std::string_view text, size_t* length) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') {
      *length = 1;
      return i;
    }
    if (text[i] == '%' && i + 2 < text.size() && text[i + 1] == '2' &&
        AsciiLower(text[i + 2]) == 'f') {
      *length = 3;
      return i;
    }
  }
  *length = 0;
  return text.size();
}

}  // namespace

std::optional<std::string_view> HttpRequest::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

size_t HttpRequest::Count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(headers.begin(), headers.end(),
                    [name](const Header& header) { return header.name == name; }));
}

std::optional<std::string_view> HttpRequest::FindQuery(std::string_view name) const {
  for (const QueryParameter& parameter : query) {
    if (parameter.name == name) return parameter.value;
  }
  return std::nullopt;
}

Status ParseTarget(HttpRequest* request) {
  request->raw_path.clear();
  request->query.clear();
  if (request->raw_target.size() > kTargetBytesMax) return BadTarget("the target is too long");
  for (const char c : request->raw_target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '#') return BadTarget("forbidden byte in the target");
  }
  const std::string_view target = OriginForm(request->raw_target);
  if (target.empty()) return BadTarget("the target is neither in origin nor in absolute form");
  const size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  if (path.find('%') == std::string_view::npos) {
    if (!IsValidUtf8(path)) return BadTarget("the path is not UTF-8");
  } else {
    std::string decoded;
    if (!PercentDecode(path, PlusSign::kLiteral, &decoded)) {
      return BadTarget("invalid percent-encoding in the path");
    }
    if (!IsValidUtf8(decoded)) return BadTarget("the path is not UTF-8");
  }
  request->raw_path = path;
  if (question == std::string_view::npos) return Status::Ok();
  return ParseQuery(target.substr(question + 1), &request->query);
}

S3Result<S3Address> ResolveAddress(const HttpRequest& request,
                                   std::span<const std::string> domains) {
  CHECK(request.raw_path.starts_with('/'));
  S3Address address;
  std::string_view rest = std::string_view(request.raw_path).substr(1);
  address.bucket = VirtualHostBucket(request, domains);
  address.virtual_host = !address.bucket.empty();
  if (!address.virtual_host) {
    // An endpoint configured with a trailing slash lists buckets with "//".
    if (rest.find_first_not_of('/') == std::string_view::npos) return address;
    size_t separator = 0;
    const size_t end = FindSlash(rest, &separator);
    if (end == 0) return S3Error(S3Code::kInvalidBucketName).With("BucketName", "");
    if (!PercentDecode(rest.substr(0, end), PlusSign::kLiteral, &address.bucket)) {
      return S3Error(S3Code::kInvalidUri);
    }
    rest.remove_prefix(end + separator);
  }
  if (!PercentDecode(rest, PlusSign::kLiteral, &address.key) || !IsValidUtf8(address.key) ||
      !IsValidUtf8(address.bucket)) {
    return S3Error(S3Code::kInvalidUri);
  }
  if (address.key.size() > kKeyBytesMax) {
    return S3Error(S3Code::kKeyTooLongError)
        .With("Size", std::to_string(address.key.size()))
        .With("MaxSizeAllowed", std::to_string(kKeyBytesMax));
  }
  return address;
}

}  // namespace ashlar::api_gateway

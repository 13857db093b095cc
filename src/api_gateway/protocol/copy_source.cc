#include "api_gateway/protocol/copy_source.h"

#include "api_gateway/http/http_request.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kName = "x-amz-copy-source";

// AWS gives the header's name as its value here.
S3Error BadKey() { return InvalidArgument("Invalid copy source object key", kName, kName); }

}  // namespace

S3Result<CopySource> ParseCopySource(std::string_view header) {
  CopySource source;
  std::string_view path = header;
  // A raw '?' that begins anything but versionId belongs to the key: old clients do not encode it.
  constexpr std::string_view kVersion = "?versionId=";
  if (const size_t at = header.rfind(kVersion); at != std::string_view::npos) {
    path = header.substr(0, at);
    std::string version;
    if (!PercentDecode(header.substr(at + kVersion.size()), PlusSign::kLiteral, &version) ||
        version.empty() || !IsValidUtf8(version)) {
      return InvalidArgument("Invalid version id specified", kName, header);
    }
    source.version_id = std::move(version);
  }
  std::string decoded;
  if (!PercentDecode(path, PlusSign::kLiteral, &decoded) || !IsValidUtf8(decoded)) {
    return BadKey();
  }
  std::string_view rest = decoded;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) {
    return BadKey();
  }
  source.bucket = rest.substr(0, slash);
  source.key = rest.substr(slash + 1);
  if (source.key.size() > kKeyBytesMax) {
    return S3Error(S3Code::kKeyTooLongError)
        .With("Size", std::to_string(source.key.size()))
        .With("MaxSizeAllowed", std::to_string(kKeyBytesMax));
  }
  return source;
}

}  // namespace ashlar::api_gateway

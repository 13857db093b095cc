#include "api_gateway/protocol/copy_source.h"

#include "api_gateway/http/http_request.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {

S3Result<CopySource> ParseCopySource(std::string_view header) {
  const auto invalid = [header](const char* text) {
    return InvalidArgument(text, "x-amz-copy-source", header);
  };
  constexpr const char* kBadKey = "Invalid copy source object key";
  CopySource source;
  std::string_view path = header;
  // A raw '?' that begins anything but versionId belongs to the key: old clients do not encode it.
  constexpr std::string_view kVersion = "?versionId=";
  if (const size_t at = header.rfind(kVersion); at != std::string_view::npos) {
    path = header.substr(0, at);
    std::string version;
    if (!PercentDecode(header.substr(at + kVersion.size()), PlusSign::kLiteral, &version) ||
        version.empty() || !IsValidUtf8(version)) {
      return invalid("Invalid version id specified");
    }
    source.version_id = std::move(version);
  }
  std::string decoded;
  if (!PercentDecode(path, PlusSign::kLiteral, &decoded) || !IsValidUtf8(decoded)) {
    return invalid(kBadKey);
  }
  std::string_view rest = decoded;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) {
    return invalid(kBadKey);
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

#include "api_gateway/operations/common/attributes.h"

#include <algorithm>

#include "api_gateway/documents/object_lock.h"
#include "api_gateway/documents/tagging.h"
#include "api_gateway/protocol/content_headers.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr size_t kRedirectBytesMax = 2048;

constexpr std::string_view kStorageClasses[] = {
    "STANDARD",           "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
    "REDUCED_REDUNDANCY", "GLACIER_IR",  "GLACIER",    "DEEP_ARCHIVE",
};

struct SystemHeader {
  std::string_view stored;  // as in a request
  std::string_view shown;   // as in a response
  std::string_view override_parameter;
};
constexpr SystemHeader kSystemHeaders[] = {
    {"cache-control", "Cache-Control", "response-cache-control"},
    {"content-disposition", "Content-Disposition", "response-content-disposition"},
    {"content-encoding", "Content-Encoding", "response-content-encoding"},
    {"content-language", "Content-Language", "response-content-language"},
    {"content-type", "Content-Type", "response-content-type"},
    {"expires", "Expires", "response-expires"},
};

// All values of a header that may be a list, joined; else the first. nullopt when absent.
std::optional<std::string> SentValue(const HttpRequest& request, std::string_view name) {
  const bool is_list =
      name == "content-encoding" || name == "cache-control" || name == "content-language";
  std::optional<std::string> joined;
  for (const Header& header : request.headers) {
    if (header.name != name) continue;
    if (joined && !is_list) break;
    joined = joined ? *joined + "," : std::string();
    *joined += TrimBlanks(header.value);
  }
  return joined;
}

bool IsHeaderValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

S3Result<model::ObjectExtras> CollectExtras(const HttpRequest& request, int64_t now_ms) {
  model::ObjectExtras extras;
  if (const auto tags = request.Find("x-amz-tagging")) {
    auto parsed = ParseTaggingHeader(*tags);
    if (!parsed.ok()) return parsed.error();
    extras.tags = *std::move(parsed);
  }
  auto lock = ParseObjectLockHeaders(request, now_ms);
  if (!lock.ok()) return lock.error();
  if (*lock) extras.lock = **lock;
  if (const auto redirect = request.Find("x-amz-website-redirect-location")) {
    if (!redirect->starts_with('/') && !redirect->starts_with("http://") &&
        !redirect->starts_with("https://")) {
      return S3Error(S3Code::kInvalidRedirectLocation);
    }
    if (redirect->size() > kRedirectBytesMax) {
      return S3Error(S3Code::kInvalidRedirectLocation,
                     "The length of website redirect location cannot exceed 2048.");
    }
    extras.website_redirect = *redirect;
  }
  return extras;
}

std::string_view StoredValue(const model::ObjectVersion& version, std::string_view name) {
  for (const auto& [stored, value] : version.system_headers) {
    if (stored == name) return value;
  }
  return name == "content-type" ? kDefaultContentType : std::string_view();
}

}  // namespace

S3Result<std::string> ParseStorageClass(const HttpRequest& request) {
  const auto label = request.Find("x-amz-storage-class");
  if (!label) return std::string("STANDARD");
  if (std::find(std::begin(kStorageClasses), std::end(kStorageClasses), *label) ==
      std::end(kStorageClasses)) {
    return S3Error(S3Code::kInvalidStorageClass).With("StorageClassRequested", *label);
  }
  return std::string(*label);
}

S3Result<object_service::ObjectAttributes> CollectAttributes(const HttpRequest& request,
                                                             int64_t now_ms, MetadataFrom from) {
  object_service::ObjectAttributes attributes;
  auto storage_class = ParseStorageClass(request);
  if (!storage_class.ok()) return storage_class.error();
  attributes.storage_class = *std::move(storage_class);
  for (const SystemHeader& header : kSystemHeaders) {
    std::optional<std::string> value = SentValue(request, header.stored);
    if (!value) continue;
    if (header.stored == "content-encoding") value = TrimAwsChunked(*value);
    if (!value->empty()) attributes.system_headers.emplace_back(header.stored, *std::move(value));
  }
  auto metadata = CollectUserMetadata(request, from);
  if (!metadata.ok()) return metadata.error();
  attributes.user_metadata = *std::move(metadata);
  auto extras = CollectExtras(request, now_ms);
  if (!extras.ok()) return extras.error();
  attributes.extras = *std::move(extras);
  return attributes;
}

std::optional<S3Error> CheckAttributes(const model::Bucket& bucket,
                                       const object_service::ObjectAttributes& attributes) {
  if (attributes.extras.lock == model::ObjectLock{}) return std::nullopt;
  if (!bucket.object_lock) {
    return S3Error(S3Code::kInvalidRequest, "Bucket is missing Object Lock Configuration");
  }
  return std::nullopt;
}

bool AsksForOverrides(const HttpRequest& request) {
  return std::any_of(std::begin(kSystemHeaders), std::end(kSystemHeaders),
                     [&request](const SystemHeader& header) {
                       return request.HasQuery(header.override_parameter);
                     });
}

std::optional<S3Error> AddStoredHeaders(const model::ObjectVersion& version,
                                        const HttpRequest& request, ResponseHead* head) {
  for (const SystemHeader& header : kSystemHeaders) {
    std::string_view value = StoredValue(version, header.stored);
    if (!request.query.empty()) {
      if (const auto overriding = request.FindQuery(header.override_parameter)) {
        if (!IsHeaderValue(*overriding)) {
          // The value is not echoed: XML cannot hold it either.
          return S3Error(S3Code::kInvalidArgument,
                         "A response header override holds control characters")
              .With("ArgumentName", header.override_parameter);
        }
        value = *overriding;
      }
    }
    if (!value.empty()) head->Add(header.shown, value);
  }
  for (const auto& [name, value] : version.user_metadata) {
    head->Add("x-amz-meta-" + name, EncodeMetadata(value));
  }
  const model::ObjectExtras& extras = version.extras;
  if (!extras.tags.empty()) head->Add("x-amz-tagging-count", std::to_string(extras.tags.size()));
  if (!extras.website_redirect.empty()) {
    head->Add("x-amz-website-redirect-location", extras.website_redirect);
  }
  AddObjectLockHeaders(extras.lock, head);
  if (version.storage_class != "STANDARD") {
    head->Add("x-amz-storage-class", version.storage_class);
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway

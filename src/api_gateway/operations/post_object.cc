// PostObject: the upload of a browser's form. The form was authenticated and its policy held before
// this runs; its fields stand as headers in the request. Otherwise a PUT, but for the answer.
#include <algorithm>

#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/common/store_object.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway::operations {
namespace {

constexpr size_t kRedirectBytesMax = 8 * 1024;

std::string_view FieldOf(const S3Context& context, std::string_view name) {
  const FormField* const field = context.verified.form()->Find(name);
  return field == nullptr ? std::string_view() : std::string_view(field->value);
}

// The object's address, as the client reached this server.
std::string LocationOf(const S3Context& context) {
  std::string url = context.request().tls ? "https://" : "http://";
  url += TrimBlanks(context.request().Find("host").value_or(""));
  url += '/';
  if (!context.address.virtual_host) {
    AppendPercentEncoded(context.address.bucket, Slash::kEncode, &url);
    url += '/';
  }
  AppendPercentEncoded(context.address.key, Slash::kKeep, &url);
  return url;
}

// Where the browser shall go on, with bucket, key and ETag in its query; empty: nowhere. What is no
// address of the web is as if it were not there.
std::string RedirectOf(const S3Context& context, std::string_view etag) {
  const std::string_view target = FieldOf(context, "success_action_redirect");
  const bool usable = (target.starts_with("http://") || target.starts_with("https://")) &&
                      target.size() <= kRedirectBytesMax &&
                      std::all_of(target.begin(), target.end(), [](char c) {
                        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
                      });
  if (!usable) return {};
  const size_t fragment = std::min(target.find('#'), target.size());
  std::string url(target.substr(0, fragment));
  const auto add = [&url](std::string_view name, std::string_view value) {
    url += url.find('?') == std::string::npos ? '?' : '&';
    url.append(name).append("=");
    AppendPercentEncoded(value, Slash::kEncode, &url);
  };
  add("bucket", context.address.bucket);
  add("key", context.address.key);
  add("etag", Quoted(etag));
  return url.append(target.substr(fragment));
}

std::string PostResponse(const S3Context& context, std::string_view location,
                         std::string_view etag) {
  std::string document;
  XmlWriter xml(&document);
  xml.Declaration();
  xml.Open("PostResponse");
  xml.Text("Location", location);
  xml.Text("Bucket", context.address.bucket);
  xml.Text("Key", context.address.key);
  xml.Text("ETag", Quoted(etag));
  xml.Close("PostResponse");
  return document;
}

Task<Answer> SendStored(S3Context& context, const model::ObjectVersion& version) {
  ResponseHead head = StoredHead(context, version);
  const std::string redirect = RedirectOf(context, version.etag);
  if (!redirect.empty()) {
    head.status = 303;
    head.Add("Location", redirect);
    co_return co_await SendEmpty(context, std::move(head));
  }
  const std::string location = LocationOf(context);
  head.Add("Location", location);
  const std::string_view status = FieldOf(context, "success_action_status");
  if (status == "201") {
    head.status = 201;
    std::string document = PostResponse(context, location, version.etag);
    co_return co_await SendXmlWith(context, std::move(head), std::move(document));
  }
  head.status = status == "200" ? 200 : 204;
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace

Task<Answer> PostObject(S3Context& context) {
  CHECK(context.verified.form() != nullptr);
  auto stored = co_await StoreObject(context);
  if (!stored.ok()) co_return stored.error();
  co_return co_await SendStored(context, **stored);
}

}  // namespace ashlar::api_gateway::operations

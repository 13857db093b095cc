#include "api_gateway/operations/common/responses.h"

namespace ashlar::api_gateway {

Task<Answer> SendXml(S3Context& context, std::string document) {
  return SendXmlWith(context, ResponseHead(), std::move(document));
}

Task<Answer> SendXmlWith(S3Context& context, ResponseHead head, std::string document) {
  head.Add("Content-Type", "application/xml");
  // A client that went away is no error of ours; the connection knows.
  (void)co_await context.exchange.Respond(std::move(head), std::move(document));
  co_return std::nullopt;
}

Task<Answer> SendEmpty(S3Context& context, ResponseHead head) {
  (void)co_await context.exchange.Respond(std::move(head), std::string());
  co_return std::nullopt;
}

PooledString Quoted(std::string_view etag) {
  PooledString text;
  text.reserve(etag.size() + 2);
  text += '"';
  text += etag;
  text += '"';
  return text;
}

void WriteUser(XmlWriter& xml, std::string_view element, std::string_view canonical_id,
               const iam::Directory& directory) {
  xml.Open(element);
  xml.Text("ID", canonical_id);
  const std::string_view name = directory.DisplayName(canonical_id);
  if (!name.empty()) xml.Text("DisplayName", name);
  xml.Close(element);
}

}  // namespace ashlar::api_gateway

// How handlers end: a document, or a head alone.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/operations/s3_context.h"
#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway {

// 200 with an XML document; the second one with more headers or another status.
Task<Answer> SendXml(S3Context& context, std::string document);
Task<Answer> SendXmlWith(S3Context& context, ResponseHead head, std::string document);
// The status of `head` and no body.
Task<Answer> SendEmpty(S3Context& context, ResponseHead head);

// ETags travel in quotes, in headers and in XML.
[[nodiscard]] PooledString Quoted(std::string_view etag);

// A document with the S3 name space around what `fill` writes. `fill` gets the XmlWriter.
template <typename Fill>
[[nodiscard]] std::string XmlDocument(std::string_view root, Fill fill) {
  std::string out;
  XmlWriter xml(&out);
  xml.Declaration();
  xml.Open(root, kS3Namespace);
  fill(xml);
  xml.Close(root);
  return out;
}

// <Owner> or <Initiator>: an account by its canonical id.
void WriteUser(XmlWriter& xml, std::string_view element, std::string_view canonical_id,
               const iam::Directory& directory);

}  // namespace ashlar::api_gateway

// GetBucketAcl and GetObjectAcl. Everything belongs to its owner and is open to nobody else, which
// is what an ACL of one FULL_CONTROL grant says. Other ACLs cannot be set yet.
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

std::string OwnerOnlyAcl(const S3GatewaySettings& settings) {
  std::string document;
  XmlWriter xml(&document);
  xml.Declaration();
  xml.Open("AccessControlPolicy", kS3Namespace);
  WriteUser(xml, "Owner", settings);
  xml.Open("AccessControlList");
  xml.Open("Grant");
  document +=
      "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
      "xsi:type=\"CanonicalUser\">";
  xml.Text("ID", settings.owner_id);
  xml.Text("DisplayName", settings.owner_display_name);
  xml.Close("Grantee");
  xml.Text("Permission", "FULL_CONTROL");
  xml.Close("Grant");
  xml.Close("AccessControlList");
  xml.Close("AccessControlPolicy");
  return document;
}

}  // namespace

Task<Answer> GetBucketAcl(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  co_return co_await SendXml(context, OwnerOnlyAcl(context.settings));
}

Task<Answer> GetObjectAcl(S3Context& context) {
  auto object = co_await FindObject(context);
  if (!object.ok()) co_return object.error();
  ResponseHead head;
  AddVersionHeader(*object->bucket, *object->version, &head);
  co_return co_await SendXmlWith(context, std::move(head), OwnerOnlyAcl(context.settings));
}

}  // namespace ashlar::api_gateway::operations

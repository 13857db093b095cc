#include "api_gateway/operations/common/object_listing.h"

#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/responses.h"

namespace ashlar::api_gateway {

void WriteContents(XmlWriter& xml, const metadata_db::ListPage& page, const ListQuery& query,
                   const S3Context& context, bool with_owner) {
  for (const metadata_db::ListEntry& entry : page.objects) {
    xml.Open("Contents");
    xml.Name("Key", entry.key, query.url_encode);
    WriteListedVersion(xml, entry.version);
    if (with_owner) {
      WriteUser(xml, "Owner",
                OwnerOf(entry.version.extras, *context.bucket, *context.access, context.directory),
                context.directory);
    }
    xml.Close("Contents");
  }
}

}  // namespace ashlar::api_gateway

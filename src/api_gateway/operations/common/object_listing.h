// What the two ListObjects share: the <Contents> of an object.
#pragma once

#include "api_gateway/operations/common/list_query.h"
#include "api_gateway/operations/s3_context.h"
#include "object_service/object_service.h"

namespace ashlar::api_gateway {

void WriteContents(XmlWriter& xml, const metadata_db::ListPage& page, const ListQuery& query,
                   const S3Context& context, bool with_owner);

}  // namespace ashlar::api_gateway

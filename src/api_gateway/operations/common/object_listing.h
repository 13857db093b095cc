// What the two ListObjects share: the <Contents> of an object.
#pragma once

#include "api_gateway/operations/common/list_query.h"
#include "object_service/object_service.h"

namespace ashlar::api_gateway {

// `owner`: the settings when owners are to be shown, else null.
void WriteContents(XmlWriter& xml, const metadata_db::ListPage& page, const ListQuery& query,
                   const S3GatewaySettings* owner);

}  // namespace ashlar::api_gateway

// PutObject: the body is the object.
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/common/store_object.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> PutObject(S3Context& context) {
  auto stored = co_await StoreObject(context);
  if (!stored.ok()) co_return stored.error();
  co_return co_await SendEmpty(context, StoredHead(context, **stored));
}

}  // namespace ashlar::api_gateway::operations

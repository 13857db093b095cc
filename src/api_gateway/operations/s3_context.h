// S3Context: all that a handler gets to see of one authenticated request.
//
// It lives in the frame of S3Gateway::Serve and outlives the handler. There is no way from here to
// the body but through `verified`.
#pragma once

#include "api_gateway/http/http_exchange.h"
#include "api_gateway/operations/settings.h"
#include "api_gateway/routing/route.h"
#include "api_gateway/verified_request.h"
#include "iam/access.h"
#include "iam/directory.h"
#include "object_service/object_service.h"
#include "runtime/clock.h"

namespace ashlar::api_gateway {

class BucketAccessCache;

struct S3Context {
  HttpExchange& exchange;
  VerifiedRequest& verified;
  const S3Address& address;
  const Route& route;
  object_service::ObjectService& objects;
  Clock& clock;
  const S3GatewaySettings& settings;
  const iam::Directory& directory;
  BucketAccessCache& bucket_access;
  // Headers that go with the error that the handler returns (validators of a 304).
  ResponseHeaders error_headers = {};
  // Of the request's bucket, set by Authorize (operations/common/authorization.h).
  object_service::BucketPtr bucket = nullptr;
  std::shared_ptr<const iam::BucketAccess> access = nullptr;
  iam::Decision decision = {};

  const HttpRequest& request() const { return exchange.request(); }
  // Null: anonymous.
  const iam::Identity* caller() const { return verified.identity().identity.get(); }
  int64_t NowSeconds() const { return clock.WallMilliseconds() / 1000; }
};

}  // namespace ashlar::api_gateway

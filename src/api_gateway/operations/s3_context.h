// S3Context: all that a handler gets to see of one authenticated request.
//
// It lives in the frame of S3Gateway::Handle and outlives the handler. There is no way from here to
// the body but through `verified`.
#pragma once

#include "api_gateway/http/http_exchange.h"
#include "api_gateway/operations/settings.h"
#include "api_gateway/routing/route.h"
#include "api_gateway/verified_request.h"
#include "object_service/object_service.h"
#include "runtime/clock.h"

namespace ashlar::api_gateway {

struct S3Context {
  HttpExchange& exchange;
  VerifiedRequest& verified;
  const S3Address& address;
  const Route& route;
  object_service::ObjectService& objects;
  Clock& clock;
  const S3GatewaySettings& settings;
  // Headers that go with the error that the handler returns (validators of a 304).
  ResponseHeaders error_headers = {};

  const HttpRequest& request() const { return exchange.request(); }
  int64_t NowSeconds() const { return clock.WallMilliseconds() / 1000; }
};

}  // namespace ashlar::api_gateway

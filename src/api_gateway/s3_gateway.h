// S3Gateway: from an HTTP exchange to an S3 operation and back. The composition root makes one and
// hands its Handle to the HttpServer.
//
// Invariants
//  1. The order is: parse the target, resolve the address, authenticate, route, refuse what is not
//     built, then the operation. No byte of a body is read and nothing of the store before a
//     request is authenticated, but for a bucket's CORS rules when there is an Origin; routes
//     answer alike to whoever is not.
//  2. One parsed request serves signature, routing and operation.
//  3. Every failure is answered as S3 does: an XML document whose RequestId is that of the header,
//     or for HEAD the status alone.
// Stateless but for a cache of signing keys; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "api_gateway/auth/signing_key.h"
#include "api_gateway/auth/sigv4.h"
#include "api_gateway/http/http_exchange.h"
#include "api_gateway/operations/settings.h"
#include "object_service/object_service.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

class S3Gateway {
 public:
  // Service and clock must outlive this.
  S3Gateway(object_service::ObjectService& objects, Clock& clock, S3GatewaySettings settings);

  // Answers the exchange. Does not fail; a broken connection is the exchange's affair.
  Task<void> Handle(HttpExchange& exchange);

 private:
  Task<void> RefuseWith(HttpExchange& exchange, S3Error error, ResponseHeaders headers);

  object_service::ObjectService& objects_;
  Clock& clock_;
  S3GatewaySettings settings_;
  std::shared_ptr<const Credential> root_;
  SigningKeyCache signing_keys_;
};

// The route table for documents and tools: operation, method, level, marks, IAM action, support.
[[nodiscard]] std::string RoutesAsJson();

}  // namespace ashlar::api_gateway

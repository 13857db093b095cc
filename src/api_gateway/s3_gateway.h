// S3Gateway: from an HTTP exchange to an S3 operation and back. The composition root makes one and
// hands its Handle to the HttpServer.
//
// Invariants
//  1. The order is: parse the target, resolve the address, authenticate, route, refuse what is not
//     built, authorise, then the operation. No byte of a body is read and nothing of the store
//     before a request is authenticated, but for a bucket's CORS rules when there is an Origin;
//     routes answer alike to whoever is not. Forms that are posted to "/" are for IAM (iam_api/),
//     which has an order of its own. The fields of a POST upload are its credentials: they are read
//     to authenticate it, and name its key.
//  2. One parsed request serves signature, routing and operation.
//  3. Every failure is answered as S3 does: an XML document whose RequestId is that of the header,
//     or for HEAD the status alone.
// Stateless but for caches of signing keys and of access settings; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "api_gateway/auth/signing_key.h"
#include "api_gateway/auth/sigv4.h"
#include "api_gateway/http/form_reader.h"
#include "api_gateway/http/http_exchange.h"
#include "api_gateway/iam_api/iam_endpoint.h"
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/settings.h"
#include "iam/account_store.h"
#include "object_service/object_service.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

class S3Gateway {
 public:
  // Service, accounts (loaded) and clock must outlive this.
  S3Gateway(object_service::ObjectService& objects, iam::AccountStore& accounts, Clock& clock,
            S3GatewaySettings settings);

  // Answers the exchange. Does not fail; a broken connection is the exchange's affair.
  Task<void> Handle(HttpExchange& exchange);

 private:
  AuthContext MakeAuthContext();
  // What comes after authentication. The references outlive the call.
  Task<void> Serve(HttpExchange& exchange, VerifiedRequest& verified, const S3Address& address,
                   S3Result<const Route*> route);
  // The operation itself, authorised.
  Task<Answer> Run(S3Context& context);
  Task<void> RefuseWith(HttpExchange& exchange, S3Error error, ResponseHeaders headers);

  object_service::ObjectService& objects_;
  const iam::AccountStore& accounts_;
  Clock& clock_;
  const S3GatewaySettings settings_;
  FormMemory form_memory_;
  SigningKeyCache signing_keys_;
  BucketAccessCache bucket_access_;
  iam_api::IamEndpoint iam_;
};

// The route table for documents and tools: operation, method, level, marks, IAM action, support.
[[nodiscard]] std::string RoutesAsJson();

}  // namespace ashlar::api_gateway

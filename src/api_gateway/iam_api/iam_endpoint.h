// IamEndpoint: IAM and STS on the address of S3 (`POST /` with a form), for `aws iam`, `aws sts`
// and the SDKs with this endpoint.
//
// Invariants
//  1. The order is: read the bounded body, authenticate it, parse it, find the action, check its
//     parameters, authorise, then act. Whoever shows no credentials is refused before the body.
//  2. Every action but GetCallerIdentity asks iam::Decide for its own permission on its own
//     resource; nothing is allowed by being the user it is about.
//  3. No text of a request and no secret gets into a log: the access log has the action's name.
// Thread-safe, stateless. How it fails: with IAM's error documents.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/http/http_exchange.h"
#include "api_gateway/iam_api/actions.h"
#include "iam/account_store.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::api_gateway::iam_api {

// Whether a request is one of these, not of S3: a form that is posted to "/" of the store itself.
// Needs a request that ParseTarget accepted.
[[nodiscard]] bool IsIamRequest(const HttpRequest& request);

class IamEndpoint {
 public:
  // All must outlive it. `region`: of the store; us-east-1 may be signed for too, as IAM has it.
  IamEndpoint(iam::AccountStore& accounts, Clock& clock, std::string_view region)
      : accounts_(accounts), clock_(clock), region_(region) {}

  Task<void> Handle(HttpExchange& exchange);

 private:
  struct Scope;
  Task<IamAnswer> Answer(HttpExchange& exchange, const Scope& scope, std::string_view* action_name);
  std::optional<IamError> CheckScope(const Scope& scope) const;
  // Nullopt: the caller may.
  std::optional<IamError> Authorize(const HttpRequest& request, const Action& action,
                                    const IamCall& call) const;

  iam::AccountStore& accounts_;
  Clock& clock_;
  const std::string region_;
};

}  // namespace ashlar::api_gateway::iam_api

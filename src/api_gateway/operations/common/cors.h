// The headers by which a bucket tells browsers that a page of another origin may read its answers.
//
// 1. A request without an Origin costs one look at its headers and nothing else.
// 2. Rules of the bucket decide before credentials do, as at S3: a page has to be able to read why
//    it was refused, and a preflight never carries a signature. They reveal nothing but themselves.
// 3. The document is parsed for each request with an Origin; such requests come from browsers.
#pragma once

#include <string_view>
#include <vector>

#include "api_gateway/documents/cors.h"
#include "api_gateway/http/http_exchange.h"
#include "object_service/object_service.h"

namespace ashlar::api_gateway {

// The rules that were kept for a bucket; empty when it has none.
[[nodiscard]] std::vector<CorsRule> CorsRulesOf(const model::Bucket& bucket);
// What `rule` says to who asks.
[[nodiscard]] ResponseHeaders CorsHeaders(const CorsRule& rule, const CorsQuestion& question);

// Puts on the response of an exchange what the rules of its bucket say to its Origin: nothing when
// there is no such bucket, no rule for this call, or no Origin.
Task<void> AddCorsHeaders(HttpExchange& exchange, object_service::ObjectService& objects,
                          std::string_view bucket);

}  // namespace ashlar::api_gateway

#include "api_gateway/s3_gateway.h"

#include "api_gateway/operations/common/cors.h"
#include "api_gateway/operations/common/feature_headers.h"
#include "api_gateway/operations/s3_context.h"
#include "api_gateway/routing/route_table.h"
#include "api_gateway/verified_request.h"
#include "base/digest.h"

namespace ashlar::api_gateway {
namespace {

// The one principal, until there are users.
constexpr std::string_view kRootPrincipal = "root";

// Canonical user ids have 64 hex digits. That of root is the same in every installation, so that
// buckets keep their owner when keys change.
std::string RootOwnerId() { return HexEncode(Sha256(AsBytes("ashlar canonical user: root"))); }

class RootCredential final : public CredentialLookup {
 public:
  RootCredential(std::string_view access_key, const std::shared_ptr<const Credential>& credential)
      : access_key_(access_key), credential_(credential) {}
  std::shared_ptr<const Credential> Find(std::string_view access_key) const override {
    return access_key_.empty() || access_key != access_key_ ? nullptr : credential_;
  }

 private:
  const std::string_view access_key_;
  const std::shared_ptr<const Credential>& credential_;
};

// For the access log of a request that was refused before it was routed.
std::string_view OperationName(const HttpRequest& request, const S3Address& address) {
  const auto route = FindRoute(request, address);
  return route.ok() ? (*route)->operation : std::string_view("Unknown");
}

// HeadBucket tells the region even to whoever may not enter, and every operation to whoever signed
// for another one: SDKs need it to sign.
ResponseHeaders RegionHeader(const HttpRequest& request, const S3Address& address,
                             const std::string& region, const S3Error& error) {
  ResponseHeaders headers;
  if ((request.method == "HEAD" && LevelOf(address) == Level::kBucket) ||
      !error.Field("Region").empty()) {
    headers.emplace_back("x-amz-bucket-region", region);
  }
  return headers;
}

bool HasNoBody(int status) { return status == 304 || status == 204; }

}  // namespace

S3Gateway::S3Gateway(object_service::ObjectService& objects, Clock& clock,
                     S3GatewaySettings settings)
    : objects_(objects), clock_(clock), settings_(std::move(settings)) {
  if (settings_.owner_id.empty()) settings_.owner_id = RootOwnerId();
  Credential root;
  root.secret = settings_.root_secret;
  root.principal = kRootPrincipal;
  root_ = std::make_shared<const Credential>(std::move(root));
}

Task<void> S3Gateway::RefuseWith(HttpExchange& exchange, S3Error error, ResponseHeaders headers) {
  exchange.AnnotateError(S3CodeName(error.code));
  if (exchange.response_started()) {
    exchange.BreakResponse();
    co_return;
  }
  ResponseHead head;
  head.status = error.http_status;
  head.headers = std::move(headers);
  std::string body;
  if (!HasNoBody(error.http_status)) {
    head.Add("Content-Type", "application/xml");
    body = RenderErrorXml(error, exchange.request().raw_path, exchange.request_id(),
                          exchange.host_id());
  }
  (void)co_await exchange.Respond(std::move(head), std::move(body));
}

Task<void> S3Gateway::Handle(HttpExchange& exchange) {
  HttpRequest& request = exchange.mutable_request();
  ResponseHeaders headers;
  if (const Status parsed = ParseTarget(&request); !parsed.ok()) {
    co_await RefuseWith(exchange, S3Error(S3Code::kInvalidUri), std::move(headers));
    co_return;
  }
  const auto address = ResolveAddress(request, settings_.domains);
  if (!address.ok()) {
    co_await RefuseWith(exchange, address.error(), std::move(headers));
    co_return;
  }
  if (request.method != "OPTIONS" && request.Find("origin")) {
    co_await AddCorsHeaders(exchange, objects_, address->bucket);
  }
  AuthContext auth;
  auth.region = settings_.region;
  auth.now_seconds = clock_.WallMilliseconds() / 1000;
  auth.cache = &signing_keys_;
  const RootCredential credentials(settings_.root_access_key, root_);
  auto verified = VerifiedRequest::Authenticate(exchange, auth, credentials);
  if (!verified.ok()) {
    exchange.Annotate(OperationName(request, *address), address->bucket, address->key);
    headers = RegionHeader(request, *address, settings_.region, verified.error());
    co_await RefuseWith(exchange, verified.error(), std::move(headers));
    co_return;
  }
  const auto route = FindRoute(request, *address);
  exchange.Annotate(route.ok() ? (*route)->operation : std::string_view("Unknown"), address->bucket,
                    address->key);
  std::optional<S3Error> error;
  if (!route.ok()) {
    error = route.error();
  } else if ((*route)->handler == nullptr) {
    error = NotBuilt(**route);
  } else {
    error = RefuseUnbuiltFeatures(request);
  }
  if (!error) {
    S3Context context{exchange, *verified, *address, **route, objects_, clock_, settings_};
    error = co_await (*route)->handler(context);
    headers = std::move(context.error_headers);
  }
  if (error) co_await RefuseWith(exchange, *std::move(error), std::move(headers));
}

}  // namespace ashlar::api_gateway

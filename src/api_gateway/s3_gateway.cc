#include "api_gateway/s3_gateway.h"

#include "api_gateway/auth/account_credentials.h"
#include "api_gateway/operations/common/cors.h"
#include "api_gateway/operations/common/feature_headers.h"
#include "api_gateway/operations/common/form_fields.h"
#include "api_gateway/operations/s3_context.h"
#include "api_gateway/routing/route_table.h"
#include "api_gateway/verified_request.h"

namespace ashlar::api_gateway {
namespace {

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

// The row of a POST upload, whose credentials are in its form; null for every other request. No
// other row of a bucket's POST takes a form, whatever a signed query may add to the headers.
const Route* FormRoute(const HttpRequest& request, const S3Address& address) {
  if (request.method != "POST" || LevelOf(address) != Level::kBucket) return nullptr;
  const auto route = FindRoute(request, address);
  return route.ok() && (*route)->operation == "PostObject" ? *route : nullptr;
}

// Nobody without credentials learns more than that. But that a POST is no form, which may hold the
// credentials, is told.
std::optional<S3Error> HideFromStrangers(std::optional<S3Error> error, const Verified& identity) {
  if (!error || !identity.is_anonymous || identity.is_form) return error;
  if (error->code == S3Code::kPreconditionFailed) return error;
  return S3Error(S3Code::kAccessDenied);
}

// Why an authenticated request is refused whoever asks. What a form says joins the headers here.
std::optional<S3Error> Refusal(const VerifiedRequest& verified, const S3Result<const Route*>& route,
                               HttpRequest* request) {
  if (!route.ok()) return route.error();
  if ((*route)->handler == nullptr) return NotBuilt(**route);
  if (verified.form() != nullptr) {
    if (auto error = AdoptFormFields(*verified.form(), request)) return error;
  }
  return RefuseUnbuiltFeatures(*request);
}

// One file of the largest size that is read whole, or many small ones.
constexpr uint64_t kFormMemoryBytes = kFormWholeBytesMax;

bool HasNoBody(int status) { return status == 304 || status == 204; }

}  // namespace

S3Gateway::S3Gateway(object_service::ObjectService& objects, iam::AccountStore& accounts,
                     Clock& clock, S3GatewaySettings settings)
    : objects_(objects),
      accounts_(accounts),
      clock_(clock),
      settings_(std::move(settings)),
      form_memory_(kFormMemoryBytes),
      iam_(accounts, clock, settings_.region) {}

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

Task<Answer> S3Gateway::Run(S3Context& context) {
  if (auto refused = co_await Authorize(context)) {
    context.error_headers =
        RegionHeader(context.request(), context.address, settings_.region, *refused);
    co_return refused;
  }
  Answer error = co_await context.route.handler(context);
  if (error && error->http_status == 404 && context.bucket != nullptr) {
    co_return HideMissing(context, context.bucket, *std::move(error));
  }
  co_return error;
}

AuthContext S3Gateway::MakeAuthContext() {
  AuthContext auth;
  auth.region = settings_.region;
  auth.now_seconds = clock_.WallMilliseconds() / 1000;
  auth.cache = &signing_keys_;
  return auth;
}

Task<void> S3Gateway::Handle(HttpExchange& exchange) {
  HttpRequest& request = exchange.mutable_request();
  if (const Status parsed = ParseTarget(&request); !parsed.ok()) {
    co_await RefuseWith(exchange, S3Error(S3Code::kInvalidUri), ResponseHeaders());
    co_return;
  }
  auto address = ResolveAddress(request, settings_.domains);
  if (!address.ok()) {
    co_await RefuseWith(exchange, address.error(), ResponseHeaders());
    co_return;
  }
  if (address->bucket.empty() && iam_api::IsIamRequest(request)) {
    co_await iam_.Handle(exchange);
    co_return;
  }
  if (request.method != "OPTIONS" && request.Find("origin")) {
    co_await AddCorsHeaders(exchange, objects_, address->bucket);
  }
  const AuthContext auth = MakeAuthContext();
  const AccountCredentials credentials(accounts_);
  if (const Route* const form_route = FormRoute(request, *address)) {
    exchange.Annotate(form_route->operation, address->bucket, address->key);
    auto verified = co_await VerifiedRequest::AuthenticateUpload(exchange, form_memory_, auth,
                                                                 credentials, address->bucket);
    if (!verified.ok()) {
      co_await RefuseWith(exchange, verified.error(), ResponseHeaders());
      co_return;
    }
    address->key = verified->form()->Find("key")->value;
    exchange.Annotate(form_route->operation, address->bucket, address->key);
    co_await Serve(exchange, *verified, *address, form_route);
    co_return;
  }
  auto verified = VerifiedRequest::Authenticate(exchange, auth, credentials);
  if (!verified.ok()) {
    exchange.Annotate(OperationName(request, *address), address->bucket, address->key);
    co_await RefuseWith(exchange, verified.error(),
                        RegionHeader(request, *address, settings_.region, verified.error()));
    co_return;
  }
  const auto route = FindRoute(request, *address);
  exchange.Annotate(route.ok() ? (*route)->operation : std::string_view("Unknown"), address->bucket,
                    address->key);
  co_await Serve(exchange, *verified, *address, route);
}

Task<void> S3Gateway::Serve(HttpExchange& exchange, VerifiedRequest& verified,
                            const S3Address& address, S3Result<const Route*> route) {
  ResponseHeaders headers;
  std::optional<S3Error> error =
      HideFromStrangers(Refusal(verified, route, &exchange.mutable_request()), verified.identity());
  if (!error) {
    const std::shared_ptr<const iam::Directory> directory = accounts_.Current();
    S3Context context{exchange, verified,  address,    **route,       objects_,
                      clock_,   settings_, *directory, bucket_access_};
    error = co_await Run(context);
    headers = std::move(context.error_headers);
  }
  if (error) co_await RefuseWith(exchange, *std::move(error), std::move(headers));
}

}  // namespace ashlar::api_gateway

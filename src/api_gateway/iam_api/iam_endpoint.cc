#include "api_gateway/iam_api/iam_endpoint.h"

#include <algorithm>

#include "api_gateway/auth/account_credentials.h"
#include "api_gateway/auth/credential_scope.h"
#include "api_gateway/operations/common/condition_keys.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/verified_request.h"
#include "iam/access.h"

namespace ashlar::api_gateway::iam_api {
namespace {

constexpr size_t kBodyBytesMax = 64 * 1024;
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
constexpr std::string_view kGlobalRegion = "us-east-1";
constexpr std::string_view kUnknownAction = "IamRequest";

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<IamError> CheckParameters(const Action& action, const Form& form) {
  for (const Form::Parameter& parameter : form.parameters()) {
    const std::string_view name = parameter.name;
    if (name != "Action" && name != "Version" && !Contains(action.required, name) &&
        !Contains(action.optional, name)) {
      return ValidationError("The parameter " + parameter.name + " is not supported for " +
                             std::string(action.name) + " by this store.");
    }
  }
  for (const std::string_view name : action.required) {
    if (!name.empty() && form.Find(name).value_or("").empty()) {
      return ValidationError("Value at '" + std::string(name) +
                             "' failed to satisfy constraint: Member must not be null");
    }
  }
  const auto user = form.Find("UserName");
  if (user && !iam::IsValidUserName(*user)) {
    return ValidationError(
        "The specified value for userName is invalid. It must contain only alphanumeric characters "
        "and/or the following: +=,.@_-");
  }
  return std::nullopt;
}

std::string ResourceOf(const Action& action, const IamCall& call) {
  const std::string users = "arn:aws:iam::" + call.caller.account_id + ":user";
  if (action.about == About::kUsers) {
    return users + std::string(call.form.Find("PathPrefix").value_or("/"));
  }
  if (call.target.user_name.empty()) return "arn:aws:iam::" + call.caller.account_id + ":root";
  std::string path = "/";
  if (action.about == About::kNewUser) {
    if (const auto given = call.form.Find("Path")) path = *given;
  } else if (const iam::Account* const account = call.account()) {
    if (const iam::User* const user = iam::FindUser(*account, call.target.user_name)) {
      path = user->path;
    }
  }
  return users + path + call.target.user_name;
}

}  // namespace

// What a client claims to have signed for: looked at only to choose what it is verified against.
struct IamEndpoint::Scope {
  static Scope Of(const HttpRequest& request) {
    Scope scope;
    const auto header = request.Find("authorization");
    if (!header) return scope;
    scope.present = true;
    constexpr std::string_view kName = "Credential=";
    const size_t begin = header->find(kName);
    if (begin == std::string_view::npos) return scope;
    std::string_view text = header->substr(begin + kName.size());
    text = text.substr(0, text.find_first_of(", "));
    CredentialScope credential;
    if (!SplitCredential(text, &credential)) return scope;
    scope.service_name = credential.service;
    scope.region = credential.region;
    if (scope.service_name == ServiceName(Service::kSts)) scope.service = Service::kSts;
    return scope;
  }

  bool present = false;  // an Authorization header
  std::string_view service_name = {};
  std::string_view region = {};
  Service service = Service::kIam;
};

bool IsIamRequest(const HttpRequest& request) {
  if (request.method != "POST" || request.raw_path != "/" || !request.query.empty()) return false;
  std::string_view type = request.Find("content-type").value_or("");
  type = TrimBlanks(type.substr(0, type.find(';')));
  return EqualsIgnoreCase(type, kFormType);
}

std::optional<IamError> IamEndpoint::CheckScope(const Scope& scope) const {
  if (!scope.present) {
    return IamError{403, "MissingAuthenticationToken", "Request is missing Authentication Token"};
  }
  if (scope.service_name != ServiceName(scope.service)) {
    return IamError{403, "SignatureDoesNotMatch",
                    "Credential should be scoped to correct service: 'iam'."};
  }
  if (scope.region != kGlobalRegion && scope.region != region_) {
    return IamError{403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."};
  }
  return std::nullopt;
}

std::optional<IamError> IamEndpoint::Authorize(const HttpRequest& request, const Action& action,
                                               const IamCall& call) const {
  if (action.permission.empty()) return std::nullopt;
  const std::string resource = ResourceOf(action, call);
  const ConditionKeys keys(request, &call.caller, region_, clock_.WallMilliseconds() / 1000);
  iam::AccessQuestion question;
  question.caller = &call.caller;
  question.action = action.permission;
  question.resource = resource;
  question.context = keys.keys();
  const iam::Verdict verdict = iam::Decide(question).verdict;
  if (verdict == iam::Verdict::kAllowed) return std::nullopt;
  const std::string permission(action.permission);
  std::string message = "User: " + call.caller.arn +
                        " is not authorized to perform: " + permission +
                        " on resource: " + resource;
  if (verdict == iam::Verdict::kDenied) {
    message += " with an explicit deny in an identity-based policy";
  } else {
    message += " because no identity-based policy allows the " + permission + " action";
  }
  return IamError{403, "AccessDenied", std::move(message)};
}

Task<IamAnswer> IamEndpoint::Answer(HttpExchange& exchange, const Scope& scope,
                                    std::string_view* action_name) {
  if (auto refused = CheckScope(scope)) co_return *std::move(refused);
  AuthContext auth;
  auth.region = scope.region;
  auth.service = ServiceName(scope.service);
  auth.now_seconds = clock_.WallMilliseconds() / 1000;
  const AccountCredentials credentials(accounts_);
  const auto verified =
      co_await VerifiedRequest::AuthenticateCall(exchange, auth, credentials, kBodyBytesMax);
  if (!verified.ok()) co_return FromAuthentication(verified.error());
  const std::optional<Form> form = Form::Parse(verified->body);
  if (!form) {
    co_return IamError{400, "MalformedQueryString", "The query string contains a syntax error."};
  }
  const std::string_view wanted = form->Find("Action").value_or("");
  const std::string_view version = form->Find("Version").value_or("");
  const Action* const action = FindAction(scope.service, wanted);
  if (action == nullptr || version != ServiceVersion(scope.service)) {
    co_return IamError{
        400, "InvalidAction",
        "Could not find operation " + std::string(wanted) + " for version " + std::string(version)};
  }
  *action_name = action->name;
  if (auto error = CheckParameters(*action, *form)) co_return *std::move(error);
  const std::shared_ptr<const iam::Directory> directory = accounts_.Current();
  const iam::Identity& caller = *verified->identity;
  IamCall call{accounts_,
               *directory,
               caller,
               *form,
               {caller.account_id, std::string(form->Find("UserName").value_or(caller.user_name))}};
  if (auto error = Authorize(exchange.request(), *action, call)) co_return *std::move(error);
  co_return co_await action->handler(call);
}

Task<void> IamEndpoint::Handle(HttpExchange& exchange) {
  const Scope scope = Scope::Of(exchange.request());
  std::string_view action_name = kUnknownAction;
  const IamAnswer answer = co_await Answer(exchange, scope, &action_name);
  exchange.Annotate(action_name, {}, {});
  ResponseHead head;
  head.Add("Content-Type", "text/xml");
  head.Add("Cache-Control", "no-store");
  std::string document;
  if (answer.error) {
    exchange.AnnotateError(answer.error->code);
    head.status = answer.error->http_status;
    document = RenderIamError(*answer.error, scope.service, exchange.request_id());
  } else {
    document = RenderIamAnswer(action_name, answer.result, scope.service, exchange.request_id());
  }
  (void)co_await exchange.Respond(std::move(head), std::move(document));
}

}  // namespace ashlar::api_gateway::iam_api

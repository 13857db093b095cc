// How it fails: what the metadata cannot answer is told as an error of the API (503, 500); a change
// that was refused changed nothing.
#include "admin/admin_api.h"

#include <charconv>

#include "admin/api/answer.h"
#include "admin/api/json.h"
#include "admin/doctor/doctor.h"
#include "admin/facts/collector.h"
#include "admin/facts/survey.h"
#include "admin/readiness.h"
#include "admin/users/users_api.h"
#include "base/digest.h"
#include "base/log.h"

namespace ashlar::admin {

using api_gateway::HttpExchange;
using api_gateway::HttpRequest;
using api_gateway::ResponseHead;

namespace {

constexpr std::string_view kRoot = "/admin/v1/";
constexpr std::string_view kDrives = "drives/";
constexpr std::string_view kUsers = "users/";
constexpr size_t kBodyBytesMax = 64 * 1024;
constexpr std::chrono::milliseconds kLookAgain{500};
constexpr std::chrono::seconds kLookTimeout{5};

ApiAnswer Shown(Json body) { return {200, std::move(body)}; }

ApiAnswer NotFound() {
  return Refuse(404, "not_found", "no such address; docs/operations.md lists them");
}

// kInvalidArgument: longer than kBodyBytesMax.
Task<Result<std::string>> ReadBody(HttpExchange& exchange) {
  std::string body(kBodyBytesMax + 1, '\0');
  size_t size = 0;
  while (size < body.size()) {
    const MutableByteSpan space(reinterpret_cast<uint8_t*>(body.data()) + size, body.size() - size);
    CO_ASSIGN_OR_RETURN(const size_t count, co_await exchange.ReadBody(space));
    if (count == 0) break;
    size += count;
  }
  if (size > kBodyBytesMax) co_return Status(Code::kInvalidArgument, "the body is too long");
  body.resize(size);
  co_return body;
}

ApiAnswer Accepted(const char* follow) {
  return {202, {{"accepted", true}, {"follow", std::string(kRoot) + follow}}};
}

}  // namespace

struct AdminApi::Impl {
  Impl(AdminSources given, Secret secret)
      : sources(std::move(given)),
        token(std::move(secret)),
        survey(sources.metadata, sources.catalog, sources.drives, sources.clock),
        users(sources.accounts, sources.metadata),
        look(sources.probe, kLookAgain, kLookTimeout, sources.clock),
        began_ns(sources.clock.MonotonicNanoseconds()) {}

  // Nothing when the request may pass.
  std::optional<ApiAnswer> CheckRights(const HttpRequest& request) const {
    if (request.Find("origin").has_value()) {
      return Refuse(403, "origin_refused", "requests of web pages are refused");
    }
    constexpr std::string_view kBearer = "Bearer ";
    const std::string_view given = request.Find("authorization").value_or("");
    const bool right =
        given.starts_with(kBearer) &&
        ConstantTimeEqual(AsBytes(given.substr(kBearer.size())), AsBytes(token.Reveal()));
    if (right) return std::nullopt;
    spdlog::warn("msg=\"admin request without the right token\" peer={}", LogValue(request.peer));
    return Refuse(401, "unauthorized",
                  given.empty() ? "the admin token is missing" : "this is not the admin token");
  }

  Task<ApiAnswer> Answer(HttpExchange& exchange) {
    const HttpRequest& request = exchange.request();
    if (auto refused = CheckRights(request)) co_return std::move(*refused);
    std::string_view path = request.raw_path;
    if (!path.starts_with(kRoot)) co_return NotFound();
    path.remove_prefix(kRoot.size());
    if (request.method == "GET") co_return co_await Show(std::string(path));
    if (request.method != "POST") {
      co_return Refuse(405, "method_not_allowed", "only GET and POST");
    }
    // Two steps: GCC 12 destroys a conditional expression's awaited value twice.
    ApiAnswer answer;
    if (path.starts_with(kUsers)) {
      answer = co_await ChangeUsers(std::string(path), exchange);
    } else {
      answer = co_await Change(std::string(path));
    }
    spdlog::info("msg=\"admin request\" path={} status={} peer={}", LogValue(std::string(path)),
                 answer.status, LogValue(request.peer));
    co_return answer;
  }

  Task<ApiAnswer> Show(std::string path) {
    if (path == "survey") co_return Shown(SurveyAsJson(survey.Look()));
    if (path == "users") co_return users.List();
    const bool known = path == "status" || path == "doctor" || path == "drives" || path == "heal" ||
                       path == "scrub" || path == "reclaim";
    if (!known) co_return NotFound();
    // A drive that nobody uses is not noticed when it goes away.
    if (path == "status" || path == "doctor" || path == "drives") (void)co_await look.Check();
    const Result<StoreFacts> facts = co_await CollectFacts(sources, survey);
    if (!facts.ok()) co_return Refuse(facts.status());
    if (path == "drives") co_return ShowDrives(*facts);
    if (path == "heal") co_return Shown(HealAsJson(*facts));
    if (path == "scrub") co_return Shown(ScrubAsJson(*facts));
    if (path == "reclaim") co_return Shown(ReclaimAsJson(*facts));
    co_return path == "doctor" ? ShowDoctor(*facts) : ShowStatus(*facts);
  }

  static ApiAnswer ShowDrives(const StoreFacts& facts) {
    ApiAnswer answer;
    answer.body["drives"] = DrivesAsJson(facts);
    return answer;
  }

  static ApiAnswer ShowDoctor(const StoreFacts& facts) {
    const std::vector<Finding> findings = Diagnose(facts);
    ApiAnswer answer;
    answer.body["health"] = HealthOf(findings);
    answer.body["surveyed"] = facts.risk.has_value();
    answer.body["findings"] = FindingsAsJson(findings);
    return answer;
  }

  ApiAnswer ShowStatus(const StoreFacts& facts) const {
    ApiAnswer answer = ShowDoctor(facts);
    Json& body = answer.body;
    body["version"] = sources.version;
    body["cluster_id"] = sources.cluster_id.ToHex();
    body["code"] =
        std::to_string(sources.data_shards) + "+" + std::to_string(sources.parity_shards);
    body["uptime_seconds"] = (sources.clock.MonotonicNanoseconds() - began_ns) / 1'000'000'000;
    body["drives"] = DrivesAsJson(facts);
    body["heal"] = HealAsJson(facts);
    body["scrub"] = ScrubAsJson(facts);
    body["reclaim"] = ReclaimAsJson(facts);
    body["journal_lag_seconds"] = facts.journal_lag_seconds;
    body["metadata_free_bytes"] = facts.metadata_space.available_bytes;
    return answer;
  }

  Task<ApiAnswer> ChangeUsers(std::string path, HttpExchange& exchange) {
    Result<std::string> body = co_await ReadBody(exchange);
    if (!body.ok()) co_return Refuse(body.status());
    co_return co_await users.Change(path.substr(kUsers.size()), *std::move(body));
  }

  Task<ApiAnswer> Change(std::string path) {
    if (path == "survey") {
      (void)co_await look.Check();
      survey.Start(*Executor::Current());
      co_return Accepted("survey");
    }
    if (path == "reclaim/release") {
      sources.reclaimer.Release();
      co_return Accepted("reclaim");
    }
    if (path == "reclaim/unfreeze") {
      const Status unfrozen = co_await sources.reclaimer.Unfreeze();
      if (!unfrozen.ok()) co_return Refuse(unfrozen);
      co_return Accepted("reclaim");
    }
    Status status;
    if (path == "scrub/start") {
      status = co_await sources.scrubber.StartRound();
    } else if (path == "scrub/pause") {
      status = co_await sources.scrubber.Pause();
    } else if (path == "scrub/resume") {
      status = co_await sources.scrubber.Resume();
    } else if (path.starts_with(kDrives)) {
      co_return co_await ChangeDrive(path.substr(kDrives.size()));
    } else {
      co_return NotFound();
    }
    if (!status.ok()) co_return Refuse(status);
    co_return Accepted("scrub");
  }

  // "3/replace"
  Task<ApiAnswer> ChangeDrive(std::string path) {
    uint16_t number = 0;
    const char* end = path.data() + path.size();
    const auto parsed = std::from_chars(path.data(), end, number);
    if (parsed.ec != std::errc() || number == 0 || parsed.ptr == end) co_return NotFound();
    const std::string_view action(parsed.ptr, end);
    const DriveId drive{static_cast<uint16_t>(number - 1)};
    Status status;
    if (action == "/replace") {
      status = co_await sources.drives.Replace(drive);
    } else if (action == "/drain") {
      status = co_await sources.drives.Drain(drive);
    } else if (action == "/activate") {
      status = co_await sources.drives.Activate(drive);
    } else {
      co_return NotFound();
    }
    if (!status.ok()) co_return Refuse(status);
    co_return Accepted("heal");
  }

  const AdminSources sources;
  const Secret token;
  Survey survey;
  UsersApi users;
  Readiness look;
  const int64_t began_ns;
};

AdminApi::AdminApi(AdminSources sources, Secret token)
    : impl_(std::make_unique<Impl>(std::move(sources), std::move(token))) {}

AdminApi::~AdminApi() = default;

Task<void> AdminApi::Handle(HttpExchange& exchange) {
  const ApiAnswer answer = co_await impl_->Answer(exchange);
  ResponseHead head;
  head.status = answer.status;
  head.Add("Content-Type", "application/json");
  head.Add("Cache-Control", "no-store");
  if (answer.status == 401) head.Add("WWW-Authenticate", "Bearer");
  (void)co_await exchange.Respond(std::move(head), Dump(answer.body));
}

Task<void> AdminApi::Shutdown() {
  co_await impl_->survey.Shutdown();
  co_await impl_->look.Shutdown();
}

}  // namespace ashlar::admin

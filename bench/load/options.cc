#include "load/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <sstream>

#include "load/units.h"

namespace ashlar::bench {
namespace {

constexpr uint64_t kReadObjectsDefault = 1000;
constexpr int64_t kDurationDefaultNs = 10'000'000'000;

// What CLI11 fills in before it is checked and converted.
struct RawOptions {
  std::string endpoint = "http://127.0.0.1:9000";
  std::string operation = "get";
  std::string mix = "get:70,put:20,head:5,list:5";
  std::string size = "4KiB";
  std::string range_size = "64KiB";
  std::string duration;
  std::string warmup = "1s";
  std::string timeout = "10s";
  std::string payload = "unsigned";
  double verify_percent = 1;
};

std::optional<Operation> OperationNamed(std::string_view name) {
  for (const Operation operation :
       {Operation::kPut, Operation::kGet, Operation::kRangeGet, Operation::kHead,
        Operation::kDelete, Operation::kList, Operation::kListVersions}) {
    if (Name(operation) == name) return operation;
  }
  return std::nullopt;
}

std::string ValidSize(const std::string& text) {
  return ParseSize(text) ? "" : "'" + text + "' is not a size (examples: 4096, 4KiB, 1.5MiB)";
}

std::string ValidDuration(const std::string& text) {
  return ParseDuration(text) ? "" : "'" + text + "' is not a duration (examples: 10s, 500ms, 2m)";
}

void AddTargetOptions(CLI::App* app, RawOptions* raw, BenchOptions* options) {
  RequestContext& context = options->context;
  app->add_option("--endpoint", raw->endpoint, "Where the server is")->capture_default_str();
  app->add_option("--access-key", context.credentials.access_key)
      ->envname("AWS_ACCESS_KEY_ID")
      ->required();
  app->add_option("--secret-key", context.credentials.secret_key)
      ->envname("AWS_SECRET_ACCESS_KEY")
      ->required();
  app->add_option("--region", context.credentials.region)->capture_default_str();
  app->add_option("--bucket", context.bucket)->required();
  app->add_option("--prefix", context.prefix, "Of all keys")->capture_default_str();
  app->add_option("--size", raw->size, "Of an object")->capture_default_str()->check(ValidSize);
  app->add_option("--objects", options->workload.objects,
                  "How many keys there are; 0 lets --op put use a new key each time")
      ->capture_default_str();
  app->add_option("--first-object", options->workload.first_object, "Number of the first key");
  app->add_option("--concurrency", options->connections, "Connections")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  app->add_option("--threads", options->threads)->capture_default_str()->check(CLI::Range(1, 256));
  app->add_option("--payload", raw->payload, "How bodies are signed")
      ->capture_default_str()
      ->check(CLI::IsMember({"unsigned", "signed", "streaming-trailer"}));
  app->add_option("--timeout", raw->timeout, "Of one request")
      ->capture_default_str()
      ->check(ValidDuration);
  app->add_option("--ca-file", options->tls.ca_file, "Certificates to trust with https");
  app->add_flag("!--insecure", options->tls.verify, "Do not verify the server's certificate");
  app->add_option("--server-pid", options->server_pid, "Process whose CPU and I/O are reported");
  app->add_option("--metrics-url", options->metrics_url, "Where its counters are (http)");
  app->add_option("--seed", options->seed, "Of the choice of keys")->capture_default_str();
  app->add_flag("--json", options->json, "Print JSON instead of a table");
}

void AddRunOptions(CLI::App* app, RawOptions* raw, BenchOptions* options) {
  app->add_option("--op", raw->operation,
                  "put, get, range-get, head, delete, list, list-versions or mixed")
      ->capture_default_str()
      ->check(CLI::IsMember(
          {"put", "get", "range-get", "head", "delete", "list", "list-versions", "mixed"}));
  app->add_option("--mix", raw->mix, "Weights of --op mixed")->capture_default_str();
  app->add_option(
      "--delimiter", options->context.delimiter,
      "--op list asks for what lies directly below the prefix, not for a page anywhere");
  app->add_option("--range-size", raw->range_size)->capture_default_str()->check(ValidSize);
  auto* duration = app->add_option("--duration", raw->duration, "How long to send (default 10s)")
                       ->check(ValidDuration);
  app->add_option("--requests", options->requests, "How many to send, instead of --duration")
      ->excludes(duration);
  app->add_option("--warmup", raw->warmup, "Sent before, not counted")
      ->capture_default_str()
      ->check(ValidDuration);
  app->add_option("--rate", options->rate,
                  "Requests per second on a schedule of their own (open loop)")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--poisson", options->poisson, "Random instead of equal gaps with --rate");
  app->add_option("--verify-percent", raw->verify_percent, "Of GET bodies to compare")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 100.0));
  app->add_flag("!--no-create-bucket", options->create_bucket, "Expect the bucket to exist");
}

std::string SetOperations(const RawOptions& raw, BenchOptions* options) {
  Workload& workload = options->workload;
  options->operation_name = raw.operation;
  if (options->command == Command::kPrepare) options->operation_name = "put";
  if (options->command == Command::kClean) options->operation_name = "delete";
  if (options->operation_name == "mixed") {
    const auto mix = ParseMix(raw.mix);
    if (!mix) return "--mix: expected for example get:70,put:30";
    workload.operations = *mix;
  } else {
    workload.operations = {{*OperationNamed(options->operation_name), 1}};
  }
  const bool only_put = options->operation_name == "put" && options->command == Command::kRun;
  if (workload.objects == 0 && !only_put) workload.objects = kReadObjectsDefault;
  return "";
}

// Converts and cross-checks; returns what is wrong, or nothing.
std::string Finish(const RawOptions& raw, BenchOptions* options) {
  RequestContext& context = options->context;
  const auto endpoint = Endpoint::Parse(raw.endpoint);
  if (!endpoint) return "--endpoint: expected http://host:port or https://host:port";
  context.endpoint = *endpoint;
  context.object_bytes = *ParseSize(raw.size);
  context.range_bytes = *ParseSize(raw.range_size);
  if (raw.payload == "signed") context.payload = PayloadMode::kSigned;
  if (raw.payload == "streaming-trailer") context.payload = PayloadMode::kStreamingTrailer;
  options->workload.timeout_ns = *ParseDuration(raw.timeout);
  options->workload.verify_fraction = raw.verify_percent / 100;
  if (const std::string problem = SetOperations(raw, options); !problem.empty()) return problem;
  for (const WeightedOperation& entry : options->workload.operations) {
    if (entry.operation == Operation::kRangeGet &&
        (context.range_bytes == 0 || context.range_bytes > context.object_bytes)) {
      return "--range-size: must be at least 1 B and at most --size";
    }
  }
  if (options->connections < options->threads) return "--threads: more than --concurrency";
  if (options->command != Command::kRun) {
    options->requests = options->workload.objects;
    return "";
  }
  options->warmup_ns = *ParseDuration(raw.warmup);
  if (options->operation_name == "delete") {
    // Each key can be deleted once, so there is nothing to warm up with.
    options->warmup_ns = 0;
    if (options->requests == 0) options->requests = options->workload.objects;
  }
  if (!raw.duration.empty()) options->duration_ns = *ParseDuration(raw.duration);
  if (options->requests == 0 && options->duration_ns == 0)
    options->duration_ns = kDurationDefaultNs;
  return "";
}

}  // namespace

std::optional<std::vector<WeightedOperation>> ParseMix(std::string_view text) {
  std::vector<WeightedOperation> mix;
  std::istringstream entries{std::string(text)};
  std::string entry;
  while (std::getline(entries, entry, ',')) {
    const size_t colon = entry.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const auto operation = OperationNamed(entry.substr(0, colon));
    char* end = nullptr;
    const std::string number = entry.substr(colon + 1);
    const double weight = std::strtod(number.c_str(), &end);
    if (!operation || number.empty() || *end != '\0' || !(weight > 0)) return std::nullopt;
    mix.push_back({*operation, weight});
  }
  if (mix.empty()) return std::nullopt;
  return mix;
}

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv) {
  BenchOptions options;
  RawOptions raw;
  CLI::App app("Load generator for S3 endpoints: signs, sends, verifies and measures.",
               "ashlar-bench");
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand("run", "Measure one operation");
  CLI::App* prepare = app.add_subcommand("prepare", "Put --objects objects for later reads");
  CLI::App* clean = app.add_subcommand("clean", "Delete what prepare put");
  for (CLI::App* command : {run, prepare, clean}) AddTargetOptions(command, &raw, &options);
  AddRunOptions(run, &raw, &options);
  clean->add_flag("--delete-bucket", options.delete_bucket, "Delete the bucket too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  if (prepare->parsed()) options.command = Command::kPrepare;
  if (clean->parsed()) options.command = Command::kClean;
  if (options.command == Command::kClean) options.create_bucket = false;
  if (const std::string problem = Finish(raw, &options); !problem.empty()) {
    std::fprintf(stderr, "%s\n", problem.c_str());
    return {std::nullopt, 2};
  }
  return {options, 0};
}

}  // namespace ashlar::bench

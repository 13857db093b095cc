#include "run.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

namespace ashlar::sim {
namespace {

void AddUp(const HistoryResult& one, HistoryResult* total) {
  total->operations += one.operations;
  total->ok += one.ok;
  total->turned_down += one.turned_down;
  total->refused += one.refused;
  total->unknown += one.unknown;
  total->crashes += one.crashes;
  total->restarts += one.restarts;
  total->faults += one.faults;
  total->checks += one.checks;
  total->rebuilds += one.rebuilds;
  total->duties += one.duties;
  total->steps += one.steps;
  total->virtual_seconds += one.virtual_seconds;
  total->worlds_max = std::max(total->worlds_max, one.worlds_max);
  total->hash = (total->hash ^ one.hash) * 0x9e3779b97f4a7c15ULL;
}

bool StillFails(const Settings& settings) {
  const HistoryResult result = RunHistory(settings, settings.seed, settings.operations, nullptr);
  return !result.violations.empty();
}

}  // namespace

Result<Settings> ParseSettings(std::vector<std::string> words) {
  Settings settings;
  std::string code = "4+2";
  settings.faults = UsualFaults();
  std::string known;
  for (const std::string& fault : AllFaults()) known += (known.empty() ? "" : ",") + fault;
  CLI::App app("Runs the store on simulated time, disks and chance, and checks it.", "ashlar-sim");
  app.add_option("--seed", settings.seed, "Of the first history; the next ones count up");
  app.add_option("--operations", settings.operations, "In all");
  app.add_option("--history", settings.history_operations, "Operations of one history");
  app.add_option("--code", code, "Data and parity shards, such as 4+2 or 2+1");
  app.add_option("--clients", settings.clients, "At work at the same time");
  app.add_option("--crash-rate", settings.crash_rate, "Crashes in a thousand operations");
  app.add_option("--gateway-share", settings.gateway_share,
                 "Share of clients that use HTTP and signatures");
  app.add_option("--faults", settings.faults, "Kinds that may happen, or none: " + known)
      ->delimiter(',');
  app.add_flag("--duties", settings.duties, "Healing, scrubbing and reclaiming are at work");
  app.add_option(
         "--also", settings.also,
         "With --duties: journal (and at the end the metadata are rebuilt from the drives), "
         "replace, drain, evacuate")
      ->delimiter(',')
      ->check(CLI::IsMember(MoreDuties()));
  app.add_option("--trace", settings.trace, "File for a line about everything that happens");
  app.add_flag("--shrink", settings.shrink, "After a failure, look for a smaller one");
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    const bool help = app.exit(error) == 0;
    return Status(help ? Code::kCancelled : Code::kInvalidArgument, error.what());
  }
  if (std::sscanf(code.c_str(), "%d+%d", &settings.data_shards, &settings.parity_shards) != 2 ||
      settings.data_shards < 1 || settings.parity_shards < 1 ||
      settings.data_shards + settings.parity_shards > 32) {
    return Status(Code::kInvalidArgument, "--code must be such as 4+2");
  }
  std::erase(settings.faults, "none");
  for (const std::string& fault : settings.faults) {
    const auto& all = AllFaults();
    if (std::find(all.begin(), all.end(), fault) == all.end()) {
      return Status(Code::kInvalidArgument, "unknown fault " + fault + "; known: " + known);
    }
  }
  return settings;
}

RunResult RunAll(const Settings& settings) {
  RunResult result;
  const auto begin = std::chrono::steady_clock::now();
  const std::unique_ptr<FILE, int (*)(FILE*)> trace(
      settings.trace.empty() ? nullptr : std::fopen(settings.trace.c_str(), "w"), &std::fclose);
  for (uint64_t seed = settings.seed; result.total.operations < settings.operations; ++seed) {
    const uint64_t operations =
        std::min(settings.history_operations, settings.operations - result.total.operations);
    const HistoryResult one = RunHistory(settings, seed, operations, trace.get());
    AddUp(one, &result.total);
    ++result.histories;
    if (one.violations.empty()) continue;
    result.total.violations = one.violations;
    result.total.last_lines = one.last_lines;
    result.failed = settings;
    result.failed.seed = seed;
    result.failed.operations = one.operations;
    result.failed.history_operations = std::max(operations, Settings().history_operations);
    break;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

Settings Shrink(const Settings& failing) {
  Settings best = failing;
  const auto attempt = [&best](const Settings& smaller) {
    std::fprintf(stderr, "trying %s\n", smaller.CommandLine().c_str());
    if (!StillFails(smaller)) return false;
    best = smaller;
    return true;
  };
  for (const std::string& fault : failing.faults) {
    Settings smaller = best;
    std::erase(smaller.faults, fault);
    attempt(smaller);
  }
  for (const std::string& duty : failing.also) {
    Settings smaller = best;
    std::erase(smaller.also, duty);
    attempt(smaller);
  }
  for (const double share : {0.0}) {
    Settings smaller = best;
    smaller.gateway_share = share;
    if (share < best.gateway_share) attempt(smaller);
  }
  for (int clients = 1; clients < best.clients; ++clients) {
    Settings smaller = best;
    smaller.clients = clients;
    if (attempt(smaller)) break;
  }
  for (const double rate : {0.0, best.crash_rate / 4}) {
    Settings smaller = best;
    smaller.crash_rate = rate;
    if (rate < best.crash_rate && attempt(smaller)) break;
  }
  // A shorter run is the same run until its end.
  for (uint64_t step = best.operations / 2; step > 0; step /= 2) {
    Settings smaller = best;
    while (smaller.operations > step) {
      smaller.operations -= step;
      if (!attempt(smaller)) break;
      smaller = best;
    }
  }
  return best;
}

void PrintResult(const RunResult& result) {
  const HistoryResult& total = result.total;
  for (const std::string& line : total.last_lines) {
    if (!result.ok()) std::printf("%s\n", line.c_str());
  }
  for (const Violation& violation : total.violations) {
    std::printf("VIOLATED %s: %s\n", violation.checker.c_str(), violation.text.c_str());
  }
  std::printf(
      "histories %llu, operations %llu (ok %llu, turned down %llu, refused %llu, unknown %llu)\n"
      "crashes %llu, clean restarts %llu, faults %llu, full checks %llu, steps %llu, "
      "worlds at most %llu\n"
      "healed %llu shards, purged %llu, compacted %llu extents, removed %llu volumes, replaced "
      "%llu drives, drained %llu, wrote the journal %llu times, rebuilt %llu times\n"
      "simulated %.1f s in %.1f s; hash %016llx\n",
      static_cast<unsigned long long>(result.histories),
      static_cast<unsigned long long>(total.operations), static_cast<unsigned long long>(total.ok),
      static_cast<unsigned long long>(total.turned_down),
      static_cast<unsigned long long>(total.refused),
      static_cast<unsigned long long>(total.unknown),
      static_cast<unsigned long long>(total.crashes),
      static_cast<unsigned long long>(total.restarts),
      static_cast<unsigned long long>(total.faults), static_cast<unsigned long long>(total.checks),
      static_cast<unsigned long long>(total.steps),
      static_cast<unsigned long long>(total.worlds_max),
      static_cast<unsigned long long>(total.duties.shards_healed),
      static_cast<unsigned long long>(total.duties.shards_purged),
      static_cast<unsigned long long>(total.duties.extents_compacted),
      static_cast<unsigned long long>(total.duties.volumes_removed),
      static_cast<unsigned long long>(total.duties.drives_replaced),
      static_cast<unsigned long long>(total.duties.drives_drained),
      static_cast<unsigned long long>(total.duties.journal_rounds),
      static_cast<unsigned long long>(total.rebuilds), total.virtual_seconds, result.seconds,
      static_cast<unsigned long long>(total.hash));
}

}  // namespace ashlar::sim

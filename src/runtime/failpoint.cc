#include "runtime/failpoint.h"

#include <unistd.h>

#include <charconv>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/executor.h"

namespace ashlar {

std::atomic<bool> failpoints_armed{false};

namespace {

enum class Kind { kCrash, kError, kCorrupt, kDelay };

struct Rule {
  std::string name;
  std::string detail;
  Kind kind = Kind::kError;
  int delay_ms = 0;
  int64_t from = 1;  // first hit that counts
  int64_t to = INT64_MAX;
  int64_t hits = 0;
};

std::mutex rules_mutex;
std::vector<Rule> rules;  // guarded by rules_mutex

bool ParseNumber(std::string_view text, int64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

Status BadRule(std::string_view rule, const char* what) {
  return {Code::kInvalidArgument, "failpoint rule '" + std::string(rule) + "': " + what};
}

Result<Rule> ParseRule(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return BadRule(text, "expected name=action");
  Rule rule;
  std::string_view name = text.substr(0, equals);
  if (const size_t slash = name.find('/'); slash != std::string_view::npos) {
    rule.detail = name.substr(slash + 1);
    name = name.substr(0, slash);
  }
  rule.name = name;
  std::string_view action = text.substr(equals + 1);
  if (const size_t at = action.find('@'); at != std::string_view::npos) {
    std::string_view count = action.substr(at + 1);
    const bool open_ended = count.ends_with('+');
    if (open_ended) count.remove_suffix(1);
    if (!ParseNumber(count, &rule.from)) return BadRule(text, "bad hit number");
    if (!open_ended) rule.to = rule.from;
    action = action.substr(0, at);
  }
  if (action == "crash") {
    rule.kind = Kind::kCrash;
  } else if (action == "error") {
    rule.kind = Kind::kError;
  } else if (action == "corrupt") {
    rule.kind = Kind::kCorrupt;
  } else if (action.starts_with("delay:")) {
    rule.kind = Kind::kDelay;
    int64_t delay = 0;
    if (!ParseNumber(action.substr(6), &delay)) return BadRule(text, "bad delay");
    rule.delay_ms = static_cast<int>(delay);
  } else {
    return BadRule(text, "action is crash, error, corrupt or delay:<ms>");
  }
  return rule;
}

// A line to stderr, so that a test knows which step it has met.
void Announce(std::string_view what, std::string_view name, std::string_view detail) {
  std::string line = "failpoint " + std::string(what) + " " + std::string(name);
  line.append(" ").append(detail).append("\n");
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

FailpointHit EvaluateFailpoint(std::string_view name, std::string_view detail) {
  FailpointHit hit;
  const std::lock_guard lock(rules_mutex);
  for (Rule& rule : rules) {
    if (rule.name != name || detail.find(rule.detail) == std::string_view::npos) continue;
    const int64_t count = ++rule.hits;
    if (count < rule.from || count > rule.to) continue;
    switch (rule.kind) {
      case Kind::kCrash: Announce("crash", name, detail); _exit(137);
      case Kind::kError:
        if (rule.from == rule.to) Announce("error", name, detail);
        hit.action = FailpointAction::kError;
        break;
      case Kind::kCorrupt: hit.action = FailpointAction::kCorrupt; break;
      case Kind::kDelay:
        if (rule.from == rule.to) Announce("delay", name, detail);
        hit.action = FailpointAction::kDelay;
        hit.delay_ms = rule.delay_ms;
        break;
    }
  }
  return hit;
}

Task<void> DelayAtFailpoint(std::string_view name) {
  const FailpointHit hit = Failpoint(name);
  if (hit.action != FailpointAction::kDelay) co_return;
  Sleep pause(std::chrono::milliseconds(hit.delay_ms));
  co_await pause;
}

Status ArmFailpoints(std::string_view specification) {
  std::vector<Rule> parsed;
  while (!specification.empty()) {
    const size_t end = specification.find(';');
    const std::string_view text = specification.substr(0, end);
    if (!text.empty()) {
      ASSIGN_OR_RETURN(Rule rule, ParseRule(text));
      parsed.push_back(std::move(rule));
    }
    if (end == std::string_view::npos) break;
    specification.remove_prefix(end + 1);
  }
  const std::lock_guard lock(rules_mutex);
  rules = std::move(parsed);
  failpoints_armed.store(!rules.empty(), std::memory_order_relaxed);
  return Status::Ok();
}

}  // namespace ashlar

#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

namespace ashlar {

bool SetLogLevel(std::string_view name) {
  for (const auto level : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                           spdlog::level::warn, spdlog::level::err}) {
    const auto view = spdlog::level::to_string_view(level);
    const std::string_view level_name(view.data(), view.size());
    if (level_name == name || (level == spdlog::level::warn && name == "warn")) {
      spdlog::set_level(level);
      return true;
    }
  }
  return false;
}

void InitLog() {
  auto logger =
      std::make_shared<spdlog::logger>("ashlar", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
}

std::string LogValue(std::string_view value) {
  bool plain = !value.empty();
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f) plain = false;
  }
  if (plain) return std::string(value);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += "\\x";
      quoted.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      quoted.push_back(kHex[c & 15]);
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

}  // namespace ashlar

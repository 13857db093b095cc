// Structured log lines on standard error: time, level, message, then key=value pairs.
// Secrets never reach a log: `Secret` (base/secret.h) has no formatter.
#pragma once

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

namespace ashlar {

// "trace", "debug", "info", "warn", "error"; false when the name is unknown.
[[nodiscard]] bool SetLogLevel(std::string_view name);
// Installs the pattern and an asynchronous-safe stderr sink. Called once by the composition root.
void InitLog();
// A value as it may stand behind `key=`: quoted and escaped when it holds anything but plain text,
// so that a client cannot forge log lines.
[[nodiscard]] std::string LogValue(std::string_view value);

}  // namespace ashlar

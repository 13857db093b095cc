#include "load/units.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace ashlar::bench {
namespace {

struct NumberAndSuffix {
  double number = 0;
  std::string suffix;  // lower case
};

std::optional<NumberAndSuffix> Split(std::string_view text) {
  size_t end = 0;
  while (end < text.size() &&
         (std::isdigit(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.')) {
    ++end;
  }
  NumberAndSuffix result;
  const char* last = text.data() + end;
  const auto parsed = std::from_chars(text.data(), last, result.number, std::chars_format::fixed);
  if (end == 0 || parsed.ec != std::errc() || parsed.ptr != last) return std::nullopt;
  while (end < text.size() && text[end] == ' ') ++end;
  for (; end < text.size(); ++end) {
    result.suffix += static_cast<char>(std::tolower(static_cast<unsigned char>(text[end])));
  }
  return result;
}

std::optional<double> SizeUnit(const std::string& suffix) {
  if (suffix.empty() || suffix == "b") return 1.0;
  const size_t power = std::string_view("kmgt").find(suffix[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const std::string rest = suffix.substr(1);
  if (rest.empty() || rest == "ib") return std::pow(1024.0, static_cast<double>(power + 1));
  if (rest == "b") return std::pow(1000.0, static_cast<double>(power + 1));
  return std::nullopt;
}

std::optional<double> DurationUnit(const std::string& suffix) {
  if (suffix.empty() || suffix == "s") return 1e9;
  if (suffix == "ns") return 1.0;
  if (suffix == "us") return 1e3;
  if (suffix == "ms") return 1e6;
  if (suffix == "m") return 60e9;
  if (suffix == "h") return 3600e9;
  return std::nullopt;
}

std::string ThreeDigits(double value, const char* unit) {
  char text[48];
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::snprintf(text, sizeof(text), "%.*f %s", decimals, value, unit);
  return text;
}

}  // namespace

std::optional<uint64_t> ParseSize(std::string_view text) {
  const auto parts = Split(text);
  if (!parts) return std::nullopt;
  const auto unit = SizeUnit(parts->suffix);
  if (!unit) return std::nullopt;
  const double bytes = parts->number * *unit;
  if (!(bytes < 9.2e18)) return std::nullopt;
  return static_cast<uint64_t>(std::llround(bytes));
}

std::optional<int64_t> ParseDuration(std::string_view text) {
  const auto parts = Split(text);
  if (!parts) return std::nullopt;
  const auto unit = DurationUnit(parts->suffix);
  if (!unit) return std::nullopt;
  const double nanoseconds = parts->number * *unit;
  if (!(nanoseconds < 9.2e18)) return std::nullopt;
  return std::llround(nanoseconds);
}

std::string FormatSize(uint64_t bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char text[48];
  const bool whole = value == std::floor(value);
  std::snprintf(text, sizeof(text), whole ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string FormatDuration(double nanoseconds) {
  if (nanoseconds < 1e3) return ThreeDigits(nanoseconds, "ns");
  if (nanoseconds < 1e6) return ThreeDigits(nanoseconds / 1e3, "us");
  if (nanoseconds < 1e9) return ThreeDigits(nanoseconds / 1e6, "ms");
  return ThreeDigits(nanoseconds / 1e9, "s");
}

}  // namespace ashlar::bench

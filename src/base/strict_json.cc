#include "base/strict_json.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace ashlar {
namespace {

using Json = nlohmann::ordered_json;

std::string Comparable(std::string name, JsonNames names) {
  if (names == JsonNames::kExact) return name;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

}  // namespace

bool IsShallowJson(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (text[i] == '{' || text[i] == '[')) {
      if (++depth > depth_max) return false;
    } else if (!in_string && (text[i] == '}' || text[i] == ']')) {
      --depth;
    }
  }
  return true;
}

std::optional<Json> ParseStrictJson(std::string_view text, JsonNames names) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::vector<std::set<std::string>> open;
  bool unique = true;
  const auto watch = [&](int /*depth*/, Json::parse_event_t event, Json& value) {
    switch (event) {
      case Json::parse_event_t::object_start: open.emplace_back(); break;
      case Json::parse_event_t::object_end: open.pop_back(); break;
      case Json::parse_event_t::key:
        unique = unique && open.back().insert(Comparable(value.get<std::string>(), names)).second;
        break;
      default: break;
    }
    return true;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (json.is_discarded() || !unique) return std::nullopt;
  return json;
}

}  // namespace ashlar

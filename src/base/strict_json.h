// JSON of strangers, read so that no two readers can take it differently: shallow, and no name
// twice in one object. Values only; thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace ashlar {

// Objects and lists lie at most `depth_max` deep in each other. To be asked first: what is read
// recursively must be shallow. Text that is no JSON may be called either.
[[nodiscard]] bool IsShallowJson(std::string_view text, int depth_max);

// Whether "Name" and "name" are one name.
enum class JsonNames { kExact, kIgnoringCase };
// In the order of the text, so that the first fault in it is the one that is told. nullopt: not
// JSON, a NUL, or a name twice in one object.
[[nodiscard]] std::optional<nlohmann::ordered_json> ParseStrictJson(std::string_view text,
                                                                    JsonNames names);

}  // namespace ashlar

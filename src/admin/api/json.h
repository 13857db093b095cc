// The JSON of the admin API. Names of fields are stable; they are listed in docs/operations.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "admin/doctor/doctor.h"
#include "admin/facts/store_facts.h"
#include "admin/facts/survey.h"

namespace ashlar::admin {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json DrivesAsJson(const StoreFacts& facts);
[[nodiscard]] Json HealAsJson(const StoreFacts& facts);
[[nodiscard]] Json ScrubAsJson(const StoreFacts& facts);
[[nodiscard]] Json ReclaimAsJson(const StoreFacts& facts);
[[nodiscard]] Json FindingsAsJson(const std::vector<Finding>& findings);
[[nodiscard]] Json SurveyAsJson(const Survey::View& survey);
// "message" may hold bytes that are no UTF-8: they are replaced.
[[nodiscard]] std::string Dump(const Json& json);

}  // namespace ashlar::admin

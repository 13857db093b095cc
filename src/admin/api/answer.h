// One answer of the admin API: a status and JSON.
#pragma once

#include <string>

#include "admin/api/json.h"
#include "base/status.h"

namespace ashlar::admin {

struct ApiAnswer {
  int status = 200;
  Json body = {};
};

[[nodiscard]] ApiAnswer Refuse(int status, const char* code, std::string message);
[[nodiscard]] ApiAnswer Refuse(const Status& status);

}  // namespace ashlar::admin

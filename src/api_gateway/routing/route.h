// Route: one S3 operation as a row of data: what a request of it looks like, which permission it
// needs, and who answers it.
//
// 1. Every row names an IAM action; a row without one does not compile.
// 2. A row without a handler answers 501 NotImplemented. There is no row that does nothing.
// 3. No request fits two rows (a test compares all pairs).
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

struct S3Context;

// nullopt: the handler has sent its response. An error: nothing was sent, answer with it.
using Answer = std::optional<S3Error>;
using Handler = Task<Answer> (*)(S3Context&);

enum class Method { kGet, kHead, kPut, kPost, kDelete, kOptions };
inline constexpr int kMethodCount = 6;
// What a request addresses. kAny is for OPTIONS alone.
enum class Level { kService, kBucket, kObject, kAny };

// The IAM action that a caller needs, "s3:GetObject".
class Action {
 public:
  consteval Action(const char* name) : name_(name) {  // NOLINT: implicit, for the table
    if (!name_.starts_with("s3:") && !name_.starts_with("s3express:") &&
        !name_.starts_with("s3-object-lambda:")) {
      throw "an action is a service and a name";
    }
  }
  constexpr std::string_view name() const { return name_; }

 private:
  std::string_view name_;
};

// A mark that tells one operation from its neighbours of the same method and level.
struct Mark {
  enum class Kind { kNone, kQuery, kHeader };
  Kind kind = Kind::kNone;
  std::string_view name;
  std::string_view value;  // empty: any value will do; of a header, a prefix of it
  constexpr bool operator==(const Mark&) const = default;
};
constexpr Mark Query(std::string_view name, std::string_view value = {}) {
  return {Mark::Kind::kQuery, name, value};
}
constexpr Mark HeaderMark(std::string_view name, std::string_view value = {}) {
  return {Mark::Kind::kHeader, name, value};
}
inline constexpr int kMarksMax = 3;
using Marks = std::array<Mark, kMarksMax>;

// How far the operation is built, for the compatibility page.
enum class Support {
  kWorks,
  kNothingSet,  // answers truthfully that nothing of the kind was ever set; setting it is a 501
  kFixed,       // takes the one value that holds anyway; every other one is a 501
  kNotBuilt,
};

class Route {
 public:
  // Built: `handler` must not be null.
  constexpr Route(std::string_view operation_name, Method route_method, Level route_level,
                  Marks route_marks, Action route_action, Support how_far, Handler route_handler)
      : operation(operation_name),
        method(route_method),
        level(route_level),
        marks(route_marks),
        action(route_action),
        support(how_far),
        handler(route_handler) {}
  // Not built yet.
  constexpr Route(std::string_view operation_name, Method route_method, Level route_level,
                  Marks route_marks, Action route_action)
      : Route(operation_name, route_method, route_level, route_marks, route_action,
              Support::kNotBuilt, nullptr) {}
  // An older operation that AWS keeps under the very request of another: listed, never matched.
  constexpr Route OlderNameOf(std::string_view newer) const {
    Route route = *this;
    route.same_request_as = newer;
    return route;
  }

  std::string_view operation;
  Method method;
  Level level;
  Marks marks;
  Action action;
  Support support;
  Handler handler;
  std::string_view same_request_as = {};
};

}  // namespace ashlar::api_gateway

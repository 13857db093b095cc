// The search in the route table.
//
// At first use the marks of all rows are numbered, and each row becomes a bit set. A request is
// read once into such a set; its row is the one with the very same set. So a row cannot be reached
// by a request that carries more than it asks for, and the order of rows does not matter.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "api_gateway/protocol/form_data.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/routing/route_table.h"
#include "base/check.h"

namespace ashlar::api_gateway {
namespace {

constexpr int kLevelCount = 3;  // kAny has its own search

struct NumberedMark {
  Mark mark;
  uint64_t bit = 0;
};

// The rows of one method and level.
struct Group {
  std::vector<NumberedMark> marks;
  std::vector<std::pair<uint64_t, const Route*>> rows;

  uint64_t BitOf(const Mark& mark) {
    for (const NumberedMark& known : marks) {
      if (known.mark == mark) return known.bit;
    }
    CHECK(marks.size() < 64);
    marks.push_back({mark, 1ULL << marks.size()});
    return marks.back().bit;
  }
};

class Index {
 public:
  Index() {
    for (const Route& route : Routes()) {
      if (route.level == Level::kAny) {
        any_level_ = &route;
        continue;
      }
      Group& group = GroupOf(route.method, route.level);
      uint64_t set = 0;
      for (const Mark& mark : route.marks) {
        if (mark.kind == Mark::Kind::kNone) continue;
        set |= group.BitOf(mark);
        if (mark.kind == Mark::Kind::kQuery) AddQueryName(mark.name);
      }
      if (route.same_request_as.empty()) group.rows.emplace_back(set, &route);
    }
    std::sort(query_names_.begin(), query_names_.end());
    CHECK(any_level_ != nullptr);
  }

  Group& GroupOf(Method method, Level level) {
    return groups_[static_cast<size_t>(method)][static_cast<size_t>(level)];
  }
  const Route* any_level() const { return any_level_; }
  // Whether any operation has a mark of this name.
  bool KnowsQuery(std::string_view name) const {
    return std::binary_search(query_names_.begin(), query_names_.end(), name);
  }

 private:
  void AddQueryName(std::string_view name) {
    if (std::find(query_names_.begin(), query_names_.end(), name) == query_names_.end()) {
      query_names_.push_back(name);
    }
  }

  std::array<std::array<Group, kLevelCount>, kMethodCount> groups_;
  std::vector<std::string_view> query_names_;
  const Route* any_level_ = nullptr;
};

Index& TheIndex() {
  static Index index;
  return index;
}

std::optional<Method> ParseMethod(std::string_view name) {
  for (int i = 0; i < kMethodCount; ++i) {
    if (MethodName(static_cast<Method>(i)) == name) return static_cast<Method>(i);
  }
  return std::nullopt;
}

// "BUCKET", or the sub-resource in capitals without dashes ("OWNERSHIPCONTROLS").
std::string ResourceType(Level level, std::string_view sub_resource) {
  std::string type;
  for (const char c : sub_resource.empty() ? LevelName(level) : sub_resource) {
    if (c != '-') type.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return type;
}

S3Error MethodNotAllowed(std::string_view method, Level level, std::string_view sub_resource) {
  return S3Error(S3Code::kMethodNotAllowed)
      .With("Method", method)
      .With("ResourceType", ResourceType(level, sub_resource));
}

// Parameters that say nothing about which operation is meant.
bool IsNeutral(const QueryParameter& parameter) {
  // SDKs name the operation in x-id; X-Amz-* is authentication or stands for a header; other names
  // that begin with x- are left to the clients for their own logs.
  return parameter.name.starts_with("x-") || parameter.name.starts_with("X-");
}

// Parameters that operations read as flags or with an empty value ("prefix=").
bool IsPlainParameter(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "bucket-region",
      "continuation-token",
      "delimiter",
      "encoding-type",
      "fetch-owner",
      "key-marker",
      "marker",
      "max-buckets",
      "max-keys",
      "max-parts",
      "max-uploads",
      "part-number-marker",
      "partNumber",
      "prefix",
      "start-after",
      "upload-id-marker",
      "versionId",
      "version-id-marker",
      "annotation-prefix",
      "max-annotation-results",
      "id",
      "uploadId",
      "select-type",
      "annotationName",
  };
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         name.starts_with("response-");
}

// A sub-resource that this method or level does not have. AWS has texts of its own for the two that
// clients get wrong most often.
S3Error WrongSubResource(const HttpRequest& request, Level level, std::string_view name) {
  if (level == Level::kObject && request.method == "GET") {
    if (name == "uploads") {
      return S3Error(S3Code::kInvalidRequest,
                     "Key is not expected for the GET method ?uploads subresource");
    }
    if (name == "versions") {
      return S3Error(S3Code::kInvalidRequest,
                     "There is no such thing as the ?versions sub-resource for a key");
    }
  }
  return MethodNotAllowed(request.method, level, name);
}

S3Error UnknownFlag(std::string_view name) {
  return S3Error(S3Code::kNotImplemented,
                 "A query parameter you provided implies functionality that is not implemented")
      .With("Parameter", name);
}

S3Error Misfit(const HttpRequest& request, const Group& group, uint64_t set) {
  // Part of what an operation asks for that is not built ("PUT ?inventory" without its id): that it
  // is not built says more than what is missing.
  for (const auto& [marks, route] : group.rows) {
    if ((marks & set) == set && route->handler == nullptr) return NotBuilt(*route);
  }
  for (const NumberedMark& known : group.marks) {
    if ((set & known.bit) == 0 || known.mark.kind != Mark::Kind::kQuery) continue;
    return InvalidArgument("This operation does not accept this combination of query parameters",
                           known.mark.name,
                           request.FindQuery(known.mark.name).value_or(std::string_view()));
  }
  return S3Error(S3Code::kInvalidRequest);
}

S3Error CopySourceNotAllowed(std::string_view value) {
  return InvalidArgument("You can only specify a copy source header for copy requests.",
                         "x-amz-copy-source", value);
}

bool HeaderFits(const Mark& mark, std::string_view value) {
  return value.size() >= mark.value.size() &&
         EqualsIgnoreCase(value.substr(0, mark.value.size()), mark.value);
}

// Reads the query into `set`. A mark whose value differs ("list-type=3") is remembered as unfit.
std::optional<S3Error> ReadQuery(const HttpRequest& request, Level level, const Group& group,
                                 uint64_t* set) {
  for (const QueryParameter& parameter : request.query) {
    if (IsNeutral(parameter)) continue;
    bool in_group = false;
    bool fits = false;
    for (const NumberedMark& known : group.marks) {
      if (known.mark.kind != Mark::Kind::kQuery || known.mark.name != parameter.name) continue;
      in_group = true;
      if (!known.mark.value.empty() && known.mark.value != parameter.value) continue;
      fits = true;
      *set |= known.bit;
    }
    if (fits) continue;
    if (in_group) {
      return InvalidArgument("Invalid value of a query parameter", parameter.name, parameter.value);
    }
    if (IsPlainParameter(parameter.name)) continue;
    if (TheIndex().KnowsQuery(parameter.name)) {
      return WrongSubResource(request, level, parameter.name);
    }
    if (parameter.value.empty()) return UnknownFlag(parameter.name);
  }
  return std::nullopt;
}

void ReadHeaders(const HttpRequest& request, const Group& group, uint64_t* set) {
  for (const NumberedMark& known : group.marks) {
    if (known.mark.kind != Mark::Kind::kHeader) continue;
    const auto value = request.Find(known.mark.name);
    if (value && HeaderFits(known.mark, *value)) *set |= known.bit;
  }
}

}  // namespace

S3Error NotBuilt(const Route& route) {
  return S3Error(S3Code::kNotImplemented, std::string(route.operation) + " is not implemented yet")
      .With("Operation", route.operation);
}

Level LevelOf(const S3Address& address) {
  if (address.bucket.empty()) return Level::kService;
  return address.key.empty() ? Level::kBucket : Level::kObject;
}

std::string_view MethodName(Method method) {
  switch (method) {
    case Method::kGet: return "GET";
    case Method::kHead: return "HEAD";
    case Method::kPut: return "PUT";
    case Method::kPost: return "POST";
    case Method::kDelete: return "DELETE";
    case Method::kOptions: return "OPTIONS";
  }
  return {};
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kService: return "service";
    case Level::kBucket: return "bucket";
    case Level::kObject: return "object";
    case Level::kAny: return "any";
  }
  return {};
}

S3Result<const Route*> FindRoute(const HttpRequest& request, const S3Address& address) {
  const Level level = LevelOf(address);
  const std::optional<Method> method = ParseMethod(request.method);
  if (!method) return MethodNotAllowed(request.method, level, {});
  if (*method == Method::kOptions) return TheIndex().any_level();
  const Group& group = TheIndex().GroupOf(*method, level);
  uint64_t set = 0;
  if (!request.query.empty()) {
    if (auto error = ReadQuery(request, level, group, &set)) return *std::move(error);
  }
  ReadHeaders(request, group, &set);
  for (const auto& [marks, route] : group.rows) {
    if (marks != set) continue;
    if (*method != Method::kPut || level != Level::kObject) {
      if (const auto source = request.Find("x-amz-copy-source"))
        return CopySourceNotAllowed(*source);
    }
    return route;
  }
  if (set == 0 && *method == Method::kPost && level == Level::kBucket) return NotAForm();
  if (set == 0) return MethodNotAllowed(request.method, level, {});
  if (const auto source = request.Find("x-amz-copy-source")) return CopySourceNotAllowed(*source);
  return Misfit(request, group, set);
}

}  // namespace ashlar::api_gateway

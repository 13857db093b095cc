// The route table as JSON, for the generator of the compatibility page.
#include "api_gateway/routing/route_table.h"
#include "api_gateway/s3_gateway.h"

namespace ashlar::api_gateway {
namespace {

std::string_view SupportName(Support support) {
  switch (support) {
    case Support::kWorks: return "works";
    case Support::kNothingSet: return "nothing set";
    case Support::kFixed: return "fixed";
    case Support::kNotBuilt: return "not built";
  }
  return {};
}

// Names of the table hold nothing that JSON has to escape.
void AppendField(std::string_view name, std::string_view value, std::string* out) {
  *out += out->back() == '{' ? "\"" : ", \"";
  *out += name;
  *out += "\": \"";
  *out += value;
  *out += '"';
}

// "?uploadId", "list-type=2", "x-amz-copy-source:"
std::string MarkText(const Mark& mark) {
  std::string text(mark.name);
  if (mark.kind == Mark::Kind::kHeader) return text + ":" + std::string(mark.value);
  text.insert(0, "?");
  if (!mark.value.empty()) text += "=" + std::string(mark.value);
  return text;
}

void AppendRoute(const Route& route, std::string* out) {
  *out += "  {";
  AppendField("operation", route.operation, out);
  AppendField("method", MethodName(route.method), out);
  AppendField("level", LevelName(route.level), out);
  std::string marks;
  for (const Mark& mark : route.marks) {
    if (mark.kind == Mark::Kind::kNone) continue;
    if (!marks.empty()) marks += ' ';
    marks += MarkText(mark);
  }
  AppendField("marks", marks, out);
  AppendField("action", route.action.name(), out);
  AppendField("support", SupportName(route.support), out);
  AppendField("same_request_as", route.same_request_as, out);
  *out += '}';
}

}  // namespace

std::string RoutesAsJson() {
  std::string out = "[\n";
  for (const Route& route : Routes()) {
    if (out.size() > 2) out += ",\n";
    AppendRoute(route, &out);
  }
  out += "\n]\n";
  return out;
}

}  // namespace ashlar::api_gateway

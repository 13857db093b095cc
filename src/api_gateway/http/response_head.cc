#include "api_gateway/http/response_head.h"

#include <array>
#include <charconv>

#include "api_gateway/http/head_parser.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 416: return "Range Not Satisfiable";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

constexpr std::array<std::string_view, 7> kWrittenHere = {
    "content-length",   "connection",       "date", "server", "x-amz-id-2",
    "x-amz-request-id", "transfer-encoding"};

bool IsAllowed(std::string_view name) {
  for (const std::string_view taken : kWrittenHere) {
    if (EqualsIgnoreCase(name, taken)) return false;
  }
  return IsToken(name);
}

void AppendNumber(uint64_t number, PooledString* out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  out->append(digits, end);
}

void AppendHeader(std::string_view name, std::string_view value, PooledString* out) {
  out->append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool StatusHasBody(int status) { return status >= 200 && status != 204 && status != 304; }

bool AppendResponseHead(const ResponseHead& head, const ResponseFrame& frame, PooledString* out) {
  if (head.status < 200 || head.status > 599) return false;
  size_t size = 256;
  for (const auto& [name, value] : head.headers) {
    if (!IsAllowed(name) || !IsFieldValue(value)) return false;
    size += name.size() + value.size() + 4;
  }
  out->reserve(out->size() + size);
  out->append("HTTP/1.1 ");
  AppendNumber(static_cast<uint64_t>(head.status), out);
  out->append(" ").append(ReasonPhrase(head.status)).append("\r\n");
  AppendHeader("Server", "ashlar", out);
  AppendHeader("Date", frame.date, out);
  AppendHeader("x-amz-request-id", frame.request_id, out);
  AppendHeader("x-amz-id-2", frame.host_id, out);
  for (const auto& [name, value] : head.headers) AppendHeader(name, value, out);
  if (frame.content_length.has_value() && StatusHasBody(head.status)) {
    out->append("Content-Length: ");
    AppendNumber(*frame.content_length, out);
    out->append("\r\n");
  }
  AppendHeader("Connection", frame.close ? "close" : "keep-alive", out);
  out->append("\r\n");
  return true;
}

}  // namespace ashlar::api_gateway

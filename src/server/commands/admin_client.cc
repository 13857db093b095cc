// One connection a request. How it fails: every step has a time limit.
#include "server/commands/admin_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace ashlar::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds kConnectTimeout{5};
constexpr std::chrono::seconds kAnswerTimeout{120};
constexpr uint64_t kAnswerBytesMax = 64ULL << 20;
constexpr char kRoot[] = "/admin/v1/";

Code CodeOf(int status) {
  switch (status) {
    case 400: return Code::kInvalidArgument;
    case 404: return Code::kNotFound;
    case 409: return Code::kConflict;
    case 503: return Code::kUnavailable;
    default: return Code::kInternal;
  }
}

}  // namespace

AdminClient::AdminClient(std::string endpoint, Secret token) : token_(std::move(token)) {
  constexpr std::string_view kScheme = "http://";
  if (endpoint.starts_with(kScheme)) endpoint.erase(0, kScheme.size());
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const size_t colon = endpoint.rfind(':');
  host_ = endpoint.substr(0, colon);
  if (colon != std::string::npos) port_ = endpoint.substr(colon + 1);
  if (host_.starts_with('[') && host_.ends_with(']')) host_ = host_.substr(1, host_.size() - 2);
}

Result<AdminClient::Reply> AdminClient::Exchange(const std::string& method, const std::string& path,
                                                 const std::string& body) {
  asio::io_context io;
  beast::tcp_stream stream(io);
  beast::error_code error;
  const std::string place = host_ + ":" + port_;
  const auto failed = [&](const char* what) {
    return Status(Code::kUnavailable,
                  std::string(what) + " " + place + " (" + error.message() +
                      "). Is the server running? --endpoint takes its --admin-listen address");
  };
  // Each step is begun, then the loop runs until it ended or its time was over.
  const auto done = [&error](beast::error_code result, auto&&...) { error = result; };
  const auto run = [&io] {
    io.restart();
    io.run();
  };
  const auto places = asio::ip::tcp::resolver(io).resolve(host_, port_, error);
  if (error) return failed("cannot find");
  stream.expires_after(kConnectTimeout);
  stream.async_connect(places, done);
  run();
  if (error) return failed("nobody answers at");

  http::request<http::string_body> request;
  request.method_string(method);
  request.target(kRoot + path);
  request.version(11);
  request.set(http::field::host, place);
  request.set(http::field::authorization, "Bearer " + token_.Reveal());
  request.set(http::field::connection, "close");
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  stream.expires_after(kAnswerTimeout);
  http::async_write(stream, request, done);
  run();
  if (error) return failed("cannot ask");

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  http::async_read(stream, buffer, parser, done);
  run();
  if (error) return failed("no HTTP answer from");
  return Reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

Result<AdminClient::Json> AdminClient::Send(const std::string& method, const std::string& path,
                                            const std::string& body) {
  if (port_.empty() || host_.empty()) {
    return Status(Code::kInvalidArgument, "--endpoint must be HOST:PORT");
  }
  ASSIGN_OR_RETURN(const Reply reply, Exchange(method, path, body));
  Json json = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Status(Code::kInvalidArgument,
                  "what answers at " + host_ + ":" + port_ +
                      " is not the admin address of an Ashlar server (S3 has another port)");
  }
  if (reply.status < 300) return json;
  const auto error = json.find("error");
  if (error == json.end() || !error->is_object()) {
    return Status(Code::kInternal, "the server answered " + std::to_string(reply.status));
  }
  const std::string message = error->value("message", "");
  if (reply.status == 401) {
    return Status(Code::kInvalidArgument,
                  message +
                      ". It is in the file admin-token of the server's data folder: give "
                      "--data, --token-file or ASHLAR_ADMIN_TOKEN");
  }
  return Status(CodeOf(reply.status), message);
}

void AdminClient::Pause(std::chrono::milliseconds time) {
  asio::io_context io;
  asio::steady_timer timer(io, time);
  timer.wait();
}

}  // namespace ashlar::server

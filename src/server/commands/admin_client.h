// AdminClient: speaks with the admin API of a running server; blocks. For the commands of
// `ashlar admin`.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/secret.h"
#include "base/status.h"

namespace ashlar::server {

class AdminClient {
 public:
  using Json = nlohmann::ordered_json;

  // `endpoint`: "127.0.0.1:9001", "[::1]:9001", also with "http://" before it.
  AdminClient(std::string endpoint, Secret token);

  // `path` behind /admin/v1/. Errors are made for people: nobody answers (kUnavailable), the token
  // is wrong (kInvalidArgument), what answers is no admin address (kInvalidArgument), and what the
  // server refuses, in its words.
  Result<Json> Get(const std::string& path) { return Send("GET", path, {}); }
  Result<Json> Post(const std::string& path) { return Send("POST", path, {}); }
  Result<Json> Post(const std::string& path, const Json& body) {
    return Send("POST", path, body.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  static void Pause(std::chrono::milliseconds time);

 private:
  struct Reply {
    int status = 0;
    std::string body;
  };
  Result<Json> Send(const std::string& method, const std::string& path, const std::string& body);
  Result<Reply> Exchange(const std::string& method, const std::string& path,
                         const std::string& body);

  std::string host_;
  std::string port_;
  Secret token_;
};

}  // namespace ashlar::server

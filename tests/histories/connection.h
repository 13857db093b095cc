// One blocking HTTP/1.1 connection to the server, plain TCP, for whoever wants the headers of an
// answer.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "bench/load/request.h"
#include "bench/load/signer.h"

namespace ashlar::histories {

struct Request {
  std::string_view method;
  std::string_view path;   // percent-encoded
  std::string_view query;  // canonical
  // One condition, for example "if-match"; empty: none.
  std::string_view condition;
  std::string_view condition_value;
  std::string_view body;
};

struct Answer {
  int status = 0;     // 0: none came, the outcome is unknown
  bool sent = false;  // something of the request was
  std::string head;
  std::string body;

  // The value of a header, "" without it; the name in any case.
  std::string_view Header(std::string_view name) const;
};

// Not thread-safe: one a client. Opened by the first call, and again after a failure.
class Connection {
 public:
  Connection(bench::Endpoint endpoint, bench::Credentials credentials);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Answer Call(const Request& request);
  void Close();

 private:
  bool Open();
  std::string Render(const Request& request);
  bool SendAll(std::string_view data);
  bool ReadAnswer(bool has_body, Answer* answer);
  // Receives more into `buffer_`; false when the connection ended or nothing came for too long.
  bool ReadMore();

  const bench::Endpoint endpoint_;
  bench::Signer signer_;
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace ashlar::histories

#include "histories/connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace ashlar::histories {
namespace {

constexpr int kTimeoutSeconds = 20;
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

}  // namespace

std::string_view Answer::Header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    const size_t colon = line.find(':');
    if (colon != name.size() || strncasecmp(line.data(), name.data(), colon) != 0) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

Connection::Connection(bench::Endpoint endpoint, bench::Credentials credentials)
    : endpoint_(std::move(endpoint)), signer_(std::move(credentials)) {}

Connection::~Connection() { Close(); }

void Connection::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  buffer_.clear();
}

bool Connection::Open() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* address = nullptr;
  if (getaddrinfo(endpoint_.host.c_str(), endpoint_.port.c_str(), &hints, &address) != 0) {
    return false;
  }
  fd_ = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  const timeval timeout{kTimeoutSeconds, 0};
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  const bool connected = connect(fd_, address->ai_addr, address->ai_addrlen) == 0;
  freeaddrinfo(address);
  if (!connected) Close();
  return connected;
}

std::string Connection::Render(const Request& request) {
  signer_.SetTime(std::time(nullptr));
  const std::string host = endpoint_.HostHeader();
  std::vector<bench::HeaderToSign> headers = {{"host", host}};
  if (!request.condition.empty()) headers.push_back({request.condition, request.condition_value});
  headers.push_back({"x-amz-content-sha256", kUnsignedPayload});
  headers.push_back({"x-amz-date", signer_.date_time()});
  std::string text;
  text.append(request.method).append(" ").append(request.path);
  if (!request.query.empty()) text.append("?").append(request.query);
  text.append(" HTTP/1.1\r\n");
  for (const auto& header : headers) {
    text.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  text.append("authorization: ");
  signer_.AppendAuthorization(
      {request.method, request.path, request.query, headers, kUnsignedPayload}, &text);
  text.append("\r\n");
  if (request.method == "PUT") {
    text.append("content-length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  return text.append("\r\n").append(request.body);
}

bool Connection::SendAll(std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Connection::ReadMore() {
  std::array<char, 64 << 10> piece;
  const ssize_t got = recv(fd_, piece.data(), piece.size(), 0);
  if (got <= 0) return false;
  buffer_.append(piece.data(), static_cast<size_t>(got));
  return true;
}

bool Connection::ReadAnswer(bool has_body, Answer* answer) {
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) return false;
  }
  answer->head = buffer_.substr(0, end);
  buffer_.erase(0, end + 4);
  if (!answer->head.starts_with("HTTP/1.1 ")) return false;
  const int status = std::atoi(answer->head.c_str() + 9);
  const std::string_view length = answer->Header("content-length");
  // The server frames all it sends to these requests by their length.
  if (has_body && status != 204) {
    if (length.empty()) return false;
    const size_t bytes = std::strtoull(length.data(), nullptr, 10);
    while (buffer_.size() < bytes) {
      if (!ReadMore()) return false;
    }
    answer->body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
  }
  answer->status = status;
  return true;
}

Answer Connection::Call(const Request& request) {
  Answer answer;
  if (fd_ < 0 && !Open()) return answer;
  // What was refused early may be answered before all of it was sent.
  (void)SendAll(Render(request));
  if (!ReadAnswer(request.method != "HEAD", &answer)) answer = Answer{};
  answer.sent = true;
  if (answer.status == 0 || answer.Header("connection") == "close") Close();
  return answer;
}

}  // namespace ashlar::histories

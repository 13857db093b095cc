#include "load/probe.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "load/response.h"

namespace ashlar::bench {
namespace {

constexpr int kFetchTimeoutSeconds = 10;

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<double> Difference(std::optional<double> after, std::optional<double> before) {
  if (!after || !before) return std::nullopt;
  return *after - *before;
}

// The number after "<field>: " at the start of a line.
std::optional<double> FieldOf(const std::string& text, std::string_view field) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with(field) && line.substr(field.size(), 2) == ": ") {
      return std::strtod(line.c_str() + field.size() + 2, nullptr);
    }
  }
  return std::nullopt;
}

struct StringSink : BodySink {
  void OnBody(std::string_view piece) override { text.append(piece); }
  std::string text;
};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

ServerSnapshot ServerSnapshot::Since(const ServerSnapshot& before) const {
  ServerSnapshot result;
  result.cpu_seconds = Difference(cpu_seconds, before.cpu_seconds);
  for (size_t i = 0; i < process_io.size(); ++i) {
    result.process_io[i] = Difference(process_io[i], before.process_io[i]);
  }
  for (size_t i = 0; i < counters.size(); ++i) {
    result.counters[i] = Difference(counters[i], before.counters[i]);
  }
  result.problem = problem.empty() ? before.problem : problem;
  return result;
}

std::optional<double> SumOfMetric(std::string_view text, std::string_view name) {
  std::optional<double> sum;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (line.starts_with('{')) {
      // Label values are quoted and may hold a brace or an escaped quote.
      bool quoted = false;
      size_t at = 1;
      for (; at < line.size() && (quoted || line[at] != '}'); ++at) {
        if (line[at] == '\\' && quoted) {
          ++at;
        } else if (line[at] == '"') {
          quoted = !quoted;
        }
      }
      if (at >= line.size()) continue;
      line.remove_prefix(at + 1);
    }
    if (line.empty() || (line[0] != ' ' && line[0] != '\t')) continue;
    sum = sum.value_or(0) + std::strtod(std::string(line).c_str(), nullptr);
  }
  return sum;
}

std::optional<double> CpuSecondsOfStat(std::string_view stat, int64_t ticks_per_second) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::istringstream fields{std::string(stat.substr(name_end + 1))};
  std::string skipped;
  // After the name: state is field 3; utime and stime are fields 14 and 15 (proc(5)).
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  if (!(fields >> user >> system)) return std::nullopt;
  return (user + system) / static_cast<double>(ticks_per_second);
}

std::optional<std::string> FetchUrl(const std::string& url, std::string* problem) {
  const size_t slash =
      url.find('/', url.find("://") == std::string::npos ? 0 : url.find("://") + 3);
  const auto endpoint = Endpoint::Parse(url.substr(0, slash));
  *problem = "cannot fetch " + url;
  if (!endpoint || endpoint->tls) return std::nullopt;
  const std::string path = slash == std::string::npos ? "/" : url.substr(slash);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(endpoint->host.c_str(), endpoint->port.c_str(), &hints, &list) != 0) {
    return std::nullopt;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, freeaddrinfo);
  const Socket socket(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval timeout{kFetchTimeoutSeconds, 0};
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  if (connect(socket.fd(), list->ai_addr, list->ai_addrlen) != 0) return std::nullopt;
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + endpoint->HostHeader() +
                              "\r\nConnection: close\r\n\r\n";
  if (send(socket.fd(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return std::nullopt;
  }
  ResponseReader reader;
  reader.Start(false);
  StringSink body;
  std::array<char, 64 << 10> buffer;
  while (!reader.done()) {
    const ssize_t got = recv(socket.fd(), buffer.data(), buffer.size(), 0);
    if (got == 0 && reader.OnClose()) break;
    if (got <= 0 || !reader.Consume({buffer.data(), static_cast<size_t>(got)}, &body)) {
      return std::nullopt;
    }
  }
  if (reader.status() != 200) return std::nullopt;
  problem->clear();
  return body.text;
}

ServerProbe::ServerProbe(pid_t pid, const std::string& metrics_url)
    : pid_(pid), metrics_url_(metrics_url) {}

ServerSnapshot ServerProbe::Take() const {
  ServerSnapshot snapshot;
  if (pid_ > 0) {
    const std::string root = "/proc/" + std::to_string(pid_);
    if (const auto stat = ReadFile(root + "/stat")) {
      snapshot.cpu_seconds = CpuSecondsOfStat(*stat, sysconf(_SC_CLK_TCK));
    } else {
      snapshot.problem = "no process " + std::to_string(pid_);
    }
    if (const auto io = ReadFile(root + "/io")) {
      for (size_t i = 0; i < kProcessIoFields.size(); ++i) {
        snapshot.process_io[i] = FieldOf(*io, kProcessIoFields[i]);
      }
    }
  }
  if (!metrics_url_.empty()) {
    if (const auto text = FetchUrl(metrics_url_, &snapshot.problem)) {
      for (size_t i = 0; i < kServerCounters.size(); ++i) {
        snapshot.counters[i] = SumOfMetric(*text, kServerCounters[i]);
      }
    }
  }
  return snapshot;
}

}  // namespace ashlar::bench

// HttpAccess: the gateway, by real requests. HTTP/1.1 with Signature Version 4 over a simulated
// connection; what it does not speak (buckets, uploads, copies, deletion of many) goes to the
// ObjectService. One request at a time; a broken connection is opened anew.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "workload/service_access.h"

namespace ashlar::sim {

class HttpAccess final : public Access {
 public:
  HttpAccess(World& world, Process& process, ReferenceModel& model, Judge& judge);
  ~HttpAccess() override;

  Task<Outcome> Perform(std::string bucket, std::string key, OpPtr op, ReadHow how) override;
  Task<Outcome> Copy(std::string bucket, std::string key, OpPtr op, CopyFrom from) override {
    return service_.Copy(std::move(bucket), std::move(key), std::move(op), std::move(from));
  }
  Task<std::vector<Outcome>> DeleteMany(std::string bucket,
                                        std::vector<DeleteCall> calls) override {
    return service_.DeleteMany(std::move(bucket), std::move(calls));
  }
  Task<ListAnswer> List(ListCall call) override;
  // Ends the connection. The server notices.
  void Close() override { stream_.reset(); }

 private:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Request {
    std::string method;
    std::string path;  // decoded
    Headers query;
    Headers headers;
    std::string body;
    uint64_t body_breaks_at = UINT64_MAX;
  };
  struct Response {
    int status = 0;  // 0: no answer
    Headers headers;
    std::string body;
    const std::string* Find(std::string_view name) const;
  };
  Task<Response> Exchange(Request request);
  Task<bool> Receive(bool head, Response* response);
  std::string Render(const Request& request) const;
  Outcome Saw(const Response& response) const;
  Task<Outcome> Put(Request request, OpPtr op);
  Task<Outcome> Read(Request request, ReadHow how);
  Task<Outcome> Delete(Request request, OpPtr op);

  World& world_;
  Process& process_;
  ReferenceModel& model_;
  Judge& judge_;
  ServiceAccess service_;
  std::unique_ptr<Stream> stream_;
  std::string received_;
};

}  // namespace ashlar::sim

// HttpExchange: one request being received and answered on a connection. Handlers see this and
// never a socket. The connection (http_server.cc) owns it and looks after keep-alive, Expect,
// draining and the access log.
//
// Invariants
//  1. Exactly one response is sent. After an error in the middle of a body the connection is
//     broken, so that a cut body never looks like a whole one.
//  2. "100 Continue" is sent by the first ReadBody, hence only after authentication, or for the
//     fields of a form, which are what it is authenticated by.
//  3. Header values with control characters never reach the wire (checked where they are written).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "api_gateway/http/hash_bundler.h"
#include "api_gateway/http/http_request.h"
#include "base/bytes.h"
#include "base/status.h"
#include "runtime/pooled.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

using ResponseHeaders = PooledVector<std::pair<PooledString, PooledString>>;

struct ResponseHead {
  int status = 200;
  ResponseHeaders headers;  // without Content-Length, Date, Server
  void Add(std::string_view name, std::string_view value) { headers.emplace_back(name, value); }
};

class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;
  // For authentication only: it adds what a presigned URL, or the fields of a POST upload, carry in
  // place of headers.
  virtual HttpRequest& mutable_request() = 0;
  // Unique for each request, also in its response header x-amz-request-id and in its log line.
  virtual std::string_view request_id() const = 0;
  // Names this server, also in x-amz-id-2.
  virtual const std::string& host_id() const = 0;

  // ---- the body as it is on the wire (HTTP chunking removed, aws-chunked not)
  // From Content-Length; nullopt with Transfer-Encoding: chunked; 0 when there is none.
  virtual std::optional<uint64_t> content_length() const = 0;
  virtual bool has_transfer_encoding() const = 0;
  // Up to out.size() bytes; 0 at the end. kCancelled when the client went away before it.
  virtual Task<Result<size_t>> ReadBody(MutableByteSpan out) = 0;
  // Where the large bodies of the server are hashed together.
  virtual const std::shared_ptr<HashBundler>& hash_bundler() = 0;

  // ---- the response
  // Head and whole body. For HEAD requests the body is left out but its length is told.
  virtual Task<Status> Respond(ResponseHead head, std::string body) = 0;
  // Head of a response with `content_length` bytes to follow by SendBody (none for HEAD requests,
  // 304 and 204: then only this call).
  virtual Task<Status> StartResponse(ResponseHead head, uint64_t content_length) = 0;
  virtual Task<Status> SendBody(std::span<const ByteSpan> parts) = 0;
  // The body cannot be completed: break the connection.
  virtual void BreakResponse() = 0;
  virtual bool response_started() const = 0;
  // These go with the response, whichever it will be. Before it is sent.
  virtual void AddResponseHeaders(ResponseHeaders headers) = 0;

  // For the access log: "PutObject", bucket and key, and the S3 error code when there was one.
  virtual void Annotate(std::string_view operation, std::string_view bucket,
                        std::string_view key) = 0;
  virtual void AnnotateError(std::string_view code) = 0;
};

}  // namespace ashlar::api_gateway

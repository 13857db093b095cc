// The whole way from bytes on a connection to a verified body. The first byte chooses how the input
// is torn into reads and whether it begins with the head of a properly signed upload.
//
// Oracle: no crash, every response well-formed enough to begin with a status line, an end of the
// connection once the client has closed, and no body accepted that was not verified.
#include <cstdint>
#include <string>
#include <vector>

#include "api_gateway/tests/memory_connection.h"
#include "api_gateway/tests/test_signer.h"
#include "api_gateway/verified_request.h"

namespace ashlar::api_gateway {
namespace {

Task<void> Respond(HttpExchange& exchange, int status) {
  ResponseHead head;
  head.status = status;
  (void)co_await exchange.Respond(std::move(head), "answer");
}

Task<void> Handle(HttpExchange& exchange, const testing::Keys* keys) {
  AuthContext context;
  context.now_seconds = 1369353600;
  auto verified = VerifiedRequest::Authenticate(exchange, context, *keys);
  if (!verified.ok()) {
    co_await Respond(exchange, verified.error().http_status);
    co_return;
  }
  auto body = verified->OpenBody({});
  if (!body.ok()) {
    co_await Respond(exchange, body.error().http_status);
    co_return;
  }
  std::vector<uint8_t> buffer(333);
  uint64_t bytes = 0;
  while (true) {
    const Result<size_t> count = co_await (*body)->Read(buffer);
    if (!count.ok()) {
      CHECK((*body)->error().has_value());
      co_await Respond(exchange, 400);
      co_return;
    }
    if (*count == 0) break;
    bytes += *count;
  }
  CHECK(bytes == (*body)->size());
  (void)(*body)->Checksum();
  co_await Respond(exchange, 200);
}

std::string SignedHead(int kind) {
  const testing::Signer signer;
  testing::ClientRequest request;
  request.method = "PUT";
  switch (kind) {
    case 1:
      request.payload_hash = "UNSIGNED-PAYLOAD";
      request.headers = {{"transfer-encoding", "chunked"}};
      break;
    case 2:
      request.payload_hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
      request.headers = {{"x-amz-decoded-content-length", "5"},
                         {"x-amz-trailer", "x-amz-checksum-crc32"},
                         {"transfer-encoding", "chunked"}};
      break;
    default:
      request.payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
      request.headers = {{"x-amz-decoded-content-length", "5"}, {"content-length", "200"}};
      break;
  }
  const HttpRequest message = signer.Sign(request);
  std::string wire = message.method + " " + message.raw_target + " HTTP/1.1\r\n";
  for (const Header& header : message.headers) wire += header.name + ": " + header.value + "\r\n";
  return wire + "\r\n";
}

void Feed(const uint8_t* data, size_t size) {
  static const testing::Keys keys = testing::Keys::Example();
  static const std::vector<std::string> heads = {"", SignedHead(1), SignedHead(2), SignedHead(3)};
  static constexpr size_t kPieces[] = {SIZE_MAX, 1, 3, 100};
  if (size == 0) return;
  const uint8_t choice = data[0];
  MemoryConnection connection([](HttpExchange& exchange) { return Handle(exchange, &keys); });
  connection.peer.read_bytes_max = kPieces[choice & 3];
  connection.Open();
  connection.peer.Send(heads[(choice >> 2) & 3]);
  connection.executor.Run();
  connection.peer.Send(AsText(ByteSpan(data, size).subspan(1)));
  connection.executor.Run();
  connection.peer.Close();
  connection.executor.Advance(std::chrono::minutes(5));
  CHECK(connection.peer.server_gone);
  const std::string answer = connection.peer.Take();
  CHECK(answer.empty() || answer.starts_with("HTTP/1.1 "));
}

}  // namespace
}  // namespace ashlar::api_gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ashlar::api_gateway::Feed(data, size);
  return 0;
}

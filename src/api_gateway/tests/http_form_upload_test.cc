// POST uploads through a whole connection: small files decoded exactly, large ones streamed, whole
// and torn. The handler's answer tells what the verified body said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_gateway/http/form_reader.h"
#include "api_gateway/tests/memory_connection.h"
#include "api_gateway/tests/test_signer.h"
#include "api_gateway/verified_request.h"

namespace ashlar::api_gateway {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

FormMemory& Memory() {
  static FormMemory memory(kFormWholeBytesMax);
  return memory;
}

Task<S3Result<std::string>> ReadUpload(HttpExchange& exchange, BodyOptions options) {
  const testing::Keys keys = testing::Keys::Example();
  const AuthContext context;
  auto verified =
      co_await VerifiedRequest::AuthenticateUpload(exchange, Memory(), context, keys, "bucket");
  if (!verified.ok()) co_return verified.error();
  auto file = co_await verified->OpenFile(options);
  if (!file.ok()) co_return file.error();
  std::string bytes;
  std::vector<uint8_t> buffer(100'000);
  while (true) {
    const Result<size_t> count = co_await (*file)->Read(buffer);
    if (!count.ok()) {
      CHECK(!(co_await (*file)->Read(buffer)).ok());
      co_return *(*file)->error();
    }
    if (*count == 0) break;
    bytes += AsText(ByteSpan(buffer).first(*count));
  }
  CHECK((*file)->size() == bytes.size() && (*file)->Md5() == Md5(AsBytes(bytes)));
  co_return verified->form()->Find("key")->value + "=" + HexEncode((*file)->Md5());
}

Task<void> Handle(HttpExchange& exchange, BodyOptions options) {
  auto read = co_await ReadUpload(exchange, options);
  ResponseHead head;
  std::string body;
  if (read.ok()) {
    body = *std::move(read);
  } else {
    head.status = read.error().http_status;
    body = RenderErrorXml(read.error(), {}, exchange.request_id(), {});
  }
  (void)co_await exchange.Respond(std::move(head), std::move(body));
}

constexpr std::string_view kEnd = "\r\n--B--\r\n";

std::string Form(std::string_view file) {
  return std::string(
             "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na-${filename}\r\n"
             "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n")
      .append(file)
      .append(kEnd);
}

std::string Send(const std::string& body, size_t piece = SIZE_MAX, size_t missing = 0,
                 uint64_t bytes_max = 5ULL << 30) {
  BodyOptions options;
  options.bytes_max = bytes_max;
  MemoryConnection connection(
      [options](HttpExchange& exchange) { return Handle(exchange, options); });
  connection.peer.read_bytes_max = piece;
  std::string answer = connection.Exchange(
      "POST /bucket HTTP/1.1\r\nHost: s3\r\nContent-Type: multipart/form-data; boundary=B\r\n"
      "Content-Length: " +
      std::to_string(body.size() + missing) + "\r\n\r\n" + body);
  if (answer.empty()) {
    connection.peer.Close();
    connection.executor.Run();
    answer = connection.peer.Take();
  }
  return answer;
}

std::string Stored(std::string_view file) { return "a-f=" + HexEncode(Md5(AsBytes(file))); }

TEST(FormUpload, SmallFilesInAnyPieces) {
  const std::string tricky = "\r\n--B\r\r\n--Bx\r\n--B-\r\n--";
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65'536}, size_t{300'000}}) {
    const std::string file = std::string(size, 'x') + tricky;
    for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{777}}) {
      if (piece == 1 && size > 1) continue;
      EXPECT_THAT(Send(Form(file), piece), EndsWith(Stored(file)));
    }
    EXPECT_THAT(Send(Form(file), SIZE_MAX, 1), HasSubstr("<Code>IncompleteBody</Code>"));
    EXPECT_THAT(Send(Form(file) + "--B epilogue"), EndsWith(Stored(file)));
  }
}

TEST(FormUpload, LargeFilesAreStreamedWhereTheyAreLast) {
  std::string file(kFormWholeBytesMax + 1, 'x');
  for (size_t at = 0; at + 100 < file.size(); at += 65'521) file.replace(at, 6, "\r\n--B\r");
  for (const size_t piece : {SIZE_MAX, size_t{7'777}}) {
    EXPECT_THAT(Send(Form(file), piece), EndsWith(Stored(file)));
    EXPECT_THAT(Send(Form(file) + "\r\n", piece), HasSubstr("Nothing was stored"));
    EXPECT_THAT(Send(Form(file + std::string(kEnd) + "late"), piece),
                HasSubstr("<Code>MalformedPOSTRequest</Code>"));
    std::string unfinished = Form(file);
    unfinished.replace(unfinished.size() - kEnd.size(), kEnd.size(), kEnd.size(), 'x');
    EXPECT_THAT(Send(unfinished, piece), HasSubstr("<Code>MalformedPOSTRequest</Code>"));
    const std::string cut = Form(file).substr(0, file.size());
    EXPECT_THAT(Send(cut, piece, Form(file).size() - cut.size()),
                HasSubstr("<Code>IncompleteBody</Code>"));
  }
}

// On both sides of the size from which on a file is streamed, the same form means the same.
TEST(FormUpload, BothWaysMeetWithoutAGap) {
  for (const size_t left : {kFormWholeBytesMax, kFormWholeBytesMax + 1}) {
    const std::string file(left - kEnd.size(), 'y');
    EXPECT_THAT(Send(Form(file)), EndsWith(Stored(file)));
  }
}

// Others hold the memory of forms: what a browser sends is stored all the same.
TEST(FormUpload, ACrowdedOutFileIsStreamedIfItIsLast) {
  const std::string file(300'000, 'z');
  const std::string submit =
      "\r\n--B\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n--B--\r\n";
  const std::string with_submit = Form(file).substr(0, Form(file).size() - kEnd.size()) + submit;
  ASSERT_TRUE(Memory().TryTake(kFormWholeBytesMax));
  EXPECT_FALSE(Memory().TryTake(1));
  for (const size_t size : {size_t{0}, size_t{1}, file.size()}) {
    EXPECT_THAT(Send(Form(file.substr(0, size))), EndsWith(Stored(file.substr(0, size))));
  }
  EXPECT_THAT(Send(with_submit), HasSubstr("<Code>SlowDown</Code>"));
  const std::string head_alone = Form("").substr(0, Form("").size() - kEnd.size());
  EXPECT_THAT(Send(head_alone + "x"), HasSubstr("<Code>SlowDown</Code>"));
  Memory().Return(kFormWholeBytesMax);
  EXPECT_THAT(Send(head_alone + "x"), HasSubstr("<Code>MalformedPOSTRequest</Code>"));
  EXPECT_THAT(Send(with_submit), EndsWith(Stored(file)));
  EXPECT_TRUE(Memory().TryTake(kFormWholeBytesMax));  // all of it came back
  Memory().Return(kFormWholeBytesMax);
}

TEST(FormUpload, TheFileAloneIsMeasured) {
  EXPECT_THAT(Send(Form("12345"), SIZE_MAX, 0, 5), EndsWith(Stored("12345")));
  EXPECT_THAT(Send(Form("123456"), SIZE_MAX, 0, 5), HasSubstr("<ProposedSize>6</ProposedSize>"));
}

TEST(FormUpload, AnEndlessHeadIsRefusedEarly) {
  EXPECT_THAT(Send("--B\r\n" + std::string(100'000, 'h')),
              HasSubstr("<Code>MaxPostPreDataLengthExceeded</Code>"));
  EXPECT_THAT(Send("--B\r\n"), HasSubstr("<Code>MalformedPOSTRequest</Code>"));
  EXPECT_THAT(Send(""), HasSubstr("<Code>MalformedPOSTRequest</Code>"));
}

}  // namespace
}  // namespace ashlar::api_gateway

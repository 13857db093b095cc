// Forms: what browsers and clients send, whole and cut anywhere, and what must not pass.
#include <gtest/gtest.h>

#include "api_gateway/protocol/form_data.h"

namespace ashlar::api_gateway {
namespace {

struct Decoded {
  Form form;
  std::string file;
  bool complete = false;
  std::optional<S3Code> error;

  std::string Value(std::string_view name) const {
    const FormField* const field = form.Find(name);
    return field == nullptr ? "(none)" : field->value;
  }
  std::string Told() const {
    std::string text = error ? std::string(S3CodeName(*error)) : file;
    for (const FormField& field : form.fields) text += "|" + field.name + "=" + field.value;
    return text + "|" + form.file_name.value_or("(none)") + (complete ? "|whole" : "|cut");
  }
};

// Fed as it comes from a wire that was cut at `cuts`.
Decoded Decode(std::string_view boundary, std::string_view body, std::vector<size_t> cuts = {}) {
  FormDecoder decoder(boundary);
  Decoded decoded;
  cuts.push_back(body.size());
  size_t begin = 0;
  for (const size_t end : cuts) {
    while (true) {
      const FormDecoder::Step step = decoder.Feed(body.substr(begin, end - begin));
      if (decoder.error() || step.consumed == 0) break;
      decoded.file += step.file;
      begin += step.consumed;
      EXPECT_LE(begin, end);
    }
    EXPECT_LT(end - begin, kFormWindowBytes);
  }
  decoded.form = decoder.form();
  decoded.complete = decoder.at_end();
  if (decoder.error()) decoded.error = decoder.error()->code;
  return decoded;
}

std::string Part(std::string_view disposition, std::string_view content,
                 std::string_view boundary = "B") {
  return "--" + std::string(boundary) + "\r\nContent-Disposition: form-data; " +
         std::string(disposition) + "\r\n\r\n" + std::string(content) + "\r\n";
}
std::string Field(std::string_view name, std::string_view value) {
  return Part("name=\"" + std::string(name) + "\"", value);
}
std::string File(std::string_view content) {
  return Part("name=\"file\"; filename=\"f.txt\"", content);
}
constexpr std::string_view kEnd = "--B--\r\n";

TEST(FormDecoder, TakesFieldsAndFile) {
  const std::string body =
      Field("Key", "a b") + Field("empty", "") + File("line\r\n--Bx\r\n--") + std::string(kEnd);
  const Decoded decoded = Decode("B", body);
  EXPECT_EQ(decoded.Told(), "line\r\n--Bx\r\n--|key=a b|empty=|f.txt|whole");
}

TEST(FormDecoder, AnEmptyFileIsAFile) {
  EXPECT_EQ(Decode("B", File("") + std::string(kEnd)).Told(), "|f.txt|whole");
}

TEST(FormDecoder, EverySplitPositionGivesTheSame) {
  const std::vector<std::string> bodies = {
      Field("key", "k\r\n-\r\n--\r\n--C") + File("\r\n--\r\n--B\r\r\n--B-\r\n--Bx\r\n") +
          Field("late", "x") + std::string(kEnd) + "epilogue",
      Field("key", "k") + Field("KEY", "l") + File("x") + std::string(kEnd),
      Field("key", "k") + std::string(kEnd),
      File("never ends\r\n--B"),
      "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--",
      "--B--\r\n",
      "-B\r\n",
  };
  for (const std::string& body : bodies) {
    const std::string whole = Decode("B", body).Told();
    std::vector<size_t> every;
    for (size_t cut = 0; cut < body.size(); ++cut) {
      EXPECT_EQ(Decode("B", body, {cut}).Told(), whole) << cut;
      for (size_t second = cut; second < body.size(); second += 3) {
        EXPECT_EQ(Decode("B", body, {cut, second}).Told(), whole) << cut << " " << second;
      }
      every.push_back(cut);
    }
    EXPECT_EQ(Decode("B", body, every).Told(), whole);
  }
}

TEST(FormDecoder, BoundaryMayBeginWithDashes) {
  const std::string boundary = "------WebKitFormBoundaryQ";
  const std::string body = Part("name=\"key\"", "k", boundary) +
                           Part("name=\"file\"; filename=\"f\"", "--\r\n------", boundary) + "--" +
                           boundary + "--\r\n";
  EXPECT_EQ(Decode(boundary, body).Told(), "--\r\n------|key=k|f|whole");
}

TEST(FormDecoder, WhatFollowsTheFileIsSkipped) {
  const std::string body =
      Field("key", "k") + File("1") + Field("acl", "public-read") + File("2") + std::string(kEnd);
  EXPECT_EQ(Decode("B", body).Told(), "1|key=k|f.txt|whole");
  // Unfinished all the same without its end.
  EXPECT_FALSE(Decode("B", Field("key", "k") + File("1") + Field("acl", "x")).complete);
}

TEST(FormDecoder, FileNamesAreReadAsClientsWriteThem) {
  const auto name = [](std::string_view parameter) {
    const std::string disposition = "name=\"file\"; " + std::string(parameter);
    return Decode("B", Part(disposition, "x") + std::string(kEnd)).form.file_name;
  };
  EXPECT_EQ(name(R"(filename="a b;c.txt")"), "a b;c.txt");
  EXPECT_EQ(name(R"(filename="C:\dir\f.txt")"), R"(C:\dir\f.txt)");
  EXPECT_EQ(name(R"(filename="a\"b")"), "a\"b");
  EXPECT_EQ(name("filename=bare.txt"), "bare.txt");
  EXPECT_EQ(name("filename=\"\""), "");
  EXPECT_EQ(name("filename*=utf-8''x"), std::nullopt);
}

TEST(FormDecoder, MalformedPartsAreRefused) {
  const std::vector<std::string> heads = {
      "Content-Disposition: form-data",
      "Content-Disposition: attachment; name=\"file\"",
      "Content-Disposition: form-data; name=\"\"",
      "Content-Disposition: form-data; name=\"file",
      "Content-Disposition: form-data; name=\"file\"; name=\"key\"",
      "Content-Disposition: form-data; name=\"file\" x",
      "Content-Disposition: form-data; name=\"\xff\"",
      "Content-Disposition: form-data; name=\"a\"\r\n folded",
      "Content-Disposition : form-data; name=\"a\"",
      "Content-Disposition: form-data; name=\"a\nb\"",
      "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
      "Content-Disposition: form-data; name=\"file\"\r\nContent-Transfer-Encoding: base64",
      "Content-Type: text/plain",
      "no colon",
  };
  for (const std::string& head : heads) {
    const std::string body = "--B\r\n" + head + "\r\n\r\nx\r\n--B--\r\n";
    EXPECT_EQ(Decode("B", body).error, S3Code::kMalformedPostRequest) << head;
  }
  EXPECT_EQ(Decode("B", "--B\r\n\r\nx\r\n\r\n--B--\r\n").error, S3Code::kMalformedPostRequest);
  EXPECT_EQ(Decode("B", "\r\n" + File("x")).error, S3Code::kMalformedPostRequest);
  EXPECT_EQ(Decode("B", "--B \r\n").error, S3Code::kMalformedPostRequest);
}

TEST(FormDecoder, AFormNeedsOneFileAndNoNameTwice) {
  EXPECT_EQ(Decode("B", Field("key", "k") + std::string(kEnd)).error, S3Code::kInvalidArgument);
  EXPECT_EQ(Decode("B", kEnd).error, S3Code::kInvalidArgument);
  EXPECT_EQ(Decode("B", Field("key", "k") + Field("kEy", "l") + File("")).error,
            S3Code::kInvalidArgument);
  EXPECT_FALSE(Decode("B", Field("x-ignore-a", "1") + Field("x-ignore-a", "2") + File("")).error);
}

TEST(FormDecoder, WhatComesBeforeTheFileIsBounded) {
  const auto error = [](const std::string& body) { return Decode("B", body + File("")).error; };
  const std::string most(kFormValueBytesMax, 'v');
  EXPECT_EQ(error(Field("a", most)), std::nullopt);
  EXPECT_EQ(error(Field("a", most + "v")), S3Code::kMaxPostPreDataLengthExceeded);
  const std::string head(kFormPartHeadBytesMax, 'h');
  EXPECT_EQ(error(Field(head, "")), S3Code::kMaxPostPreDataLengthExceeded);
  std::string fields;
  for (size_t i = 0; i < kFormFieldsMax; ++i) fields += Field("f" + std::to_string(i), "v");
  EXPECT_EQ(error(fields), std::nullopt);
  EXPECT_EQ(error(fields + Field("one-more", "")), S3Code::kMaxPostPreDataLengthExceeded);
  fields.clear();
  for (size_t i = 0; i * kFormValueBytesMax < kFormBytesMax; ++i) {
    fields += Field("f" + std::to_string(i), most);
  }
  EXPECT_EQ(error(fields), S3Code::kMaxPostPreDataLengthExceeded);
  // Also when the end never comes, without more than a window of it.
  EXPECT_EQ(Decode("B", "--B\r\n" + std::string(kFormWindowBytes - 10, 'h')).error,
            S3Code::kMaxPostPreDataLengthExceeded);
}

TEST(ParseFormBoundary, TakesWhatRfc2046Allows) {
  const auto boundary = [](std::string_view type) {
    const auto parsed = ParseFormBoundary(type);
    return parsed.ok() ? *parsed : std::string(S3CodeName(parsed.error().code));
  };
  EXPECT_EQ(boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(boundary("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b\""), "a b");
  EXPECT_EQ(boundary("multipart/form-data; boundary=----x=/:?,()'+_.-"), "----x=/:?,()'+_.-");
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(70, 'b')),
            std::string(70, 'b'));
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(71, 'b')),
            "MalformedPOSTRequest");
  EXPECT_EQ(boundary("multipart/form-data"), "MalformedPOSTRequest");
  EXPECT_EQ(boundary("multipart/form-data; boundary="), "MalformedPOSTRequest");
  EXPECT_EQ(boundary("multipart/form-data; boundary=\"a \""), "MalformedPOSTRequest");
  EXPECT_EQ(boundary("multipart/form-data; boundary=a; boundary=b"), "MalformedPOSTRequest");
  EXPECT_EQ(boundary("multipart/form-data; boundary=a\xc3\xa4"), "MalformedPOSTRequest");
  EXPECT_EQ(boundary("multipart/form-datax; boundary=a"), "PreconditionFailed");
  EXPECT_EQ(boundary("application/x-www-form-urlencoded"), "PreconditionFailed");
}

}  // namespace
}  // namespace ashlar::api_gateway

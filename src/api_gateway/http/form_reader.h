// FormReader: the body of a POST upload, read from its exchange: first the fields, then the file.
//
// 1. Nothing of the file is given out before somebody asks for it, and the fields cost at most
//    kFormBytesMax of memory, so that a form can be authenticated by what it says.
// 2. A store must know how long a body will be. What is left behind the file's head is read whole
//    when it is small (kFormWholeBytesMax), and decoded exactly. Of a larger one the file is taken
//    to be all but the form's closing delimiter, as browsers, curl and SDKs write it; it is
//    streamed, and when that turns out to be wrong the last read fails.
// 3. Memory: a window and, for a small file, the file as far as it has come, within a budget of all
//    forms (FormMemory). A file that finds it used up is streamed like a large one; only when that
//    turns out to be wrong its client is asked to come again.
//
// On the connection's executor, one call at a time. A failure whose error() is empty is the wire's.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api_gateway/http/http_exchange.h"
#include "api_gateway/protocol/form_data.h"
#include "base/status.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

inline constexpr uint64_t kFormWholeBytesMax = 8ULL << 20;

// What files that are read whole may hold in all. Thread-safe.
class FormMemory {
 public:
  explicit FormMemory(uint64_t bytes_max);
  // False, and nothing: there is not so much left.
  bool TryTake(uint64_t bytes);
  void Return(uint64_t bytes);

 private:
  const uint64_t bytes_max_;
  std::atomic<uint64_t> taken_ = 0;
};

class FormReader {
 public:
  // `body_bytes`: Content-Length. The exchange and the memory must outlive this.
  FormReader(HttpExchange& exchange, FormMemory& memory, std::string_view boundary,
             uint64_t body_bytes);
  ~FormReader();
  FormReader(const FormReader&) = delete;
  FormReader& operator=(const FormReader&) = delete;

  // Once, first.
  Task<Status> ReadFields();
  const Form& form() const { return decoder_.form(); }
  // Once, after the fields: file_size() is known from now on.
  Task<Status> FindFile();
  uint64_t file_size() const { return file_size_; }
  // 0 at the end, when all of the form was seen to be as it should; after FindFile.
  Task<Result<size_t>> ReadFile(MutableByteSpan out);

  const std::optional<S3Error>& error() const { return error_; }

 private:
  std::string_view window() const;
  void Consume(size_t count);
  // At least a byte more behind what is in the window, which has room for it.
  Task<Status> Fill();
  Task<Status> ReadWhole();
  S3Error FileIsNotLast() const;
  Task<Result<size_t>> ReadStreamed(MutableByteSpan out);
  Status Fail(S3Error error);

  HttpExchange& exchange_;
  FormMemory& form_memory_;
  FormDecoder decoder_;
  uint64_t wire_left_;
  std::vector<uint8_t> memory_;
  size_t begin_ = 0;
  size_t end_ = 0;

  std::optional<std::string> whole_;  // a small file, followed by what the form ends with
  uint64_t taken_ = 0;                // of the memory of forms, for it
  bool crowded_out_ = false;          // small, and streamed because there was none
  uint64_t file_size_ = 0;
  uint64_t given_ = 0;     // of the file
  std::string_view file_;  // of the window, decoded and not given out
  std::optional<S3Error> error_;
};

}  // namespace ashlar::api_gateway

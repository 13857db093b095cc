// Incremental reader of one HTTP/1.1 response. It accepts what a server may really send: interim
// 1xx answers, Content-Length or chunked bodies, bodies that end with the connection, and none at
// all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::bench {

// Receives the body of a response piece by piece. The head (status) is known by then.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual void OnBody(std::string_view piece) = 0;
};

class ResponseReader {
 public:
  static constexpr size_t kHeadBytesMax = 64 << 10;

  // Begins a new response. `head_request`: it is the answer to a HEAD and has no body.
  void Start(bool head_request);

  // Takes in what was received; body bytes go to `sink`. Returns false when the response is
  // malformed. Bytes beyond the end of the response are malformed too: nothing is pipelined.
  bool Consume(std::string_view data, BodySink* sink);
  // The peer closed the connection: true if that rightly ends the response.
  bool OnClose();

  bool done() const { return state_ == State::kDone; }
  bool started() const { return status_ != 0 || !partial_.empty(); }
  int status() const { return status_; }
  bool close_after() const { return close_after_; }
  uint64_t body_bytes() const { return body_bytes_; }

  // Body bytes that are known to follow unframed, so that a caller may drop them without reading
  // them; it reports how many it dropped by Skip.
  uint64_t SkippableBytes() const;
  void Skip(uint64_t bytes);

 private:
  enum class State {
    kHead,
    kFixed,
    kUntilClose,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer,
    kDone,
  };

  bool ParseHead(std::string_view head);
  void BeginBody();
  bool ConsumeLine(std::string_view* data);
  bool OnLine(std::string_view line);
  void TakeBody(std::string_view* data, BodySink* sink);

  State state_ = State::kDone;
  bool head_request_ = false;
  bool close_after_ = false;
  bool chunked_ = false;
  bool has_length_ = false;
  int status_ = 0;
  uint64_t remaining_ = 0;  // of the fixed body or of the chunk
  uint64_t body_bytes_ = 0;
  std::string partial_;  // a head or a chunk line that has not ended yet
};

}  // namespace ashlar::bench

// What comes in on a connection: WireInput buffers it, WireBody takes one request's body out of it.
//
// 1. Bytes that were read along with a head are used first; after them a body goes from the stream
//    straight into the caller's memory.
// 2. A body gives exactly what its framing says, or an error; an error stays.
// 3. The wait for a body is bounded: a byte at least every `window`, and a minimum rate averaged
//    over the time waited (a slow consumer on our side does not count against the client).
//
// On the connection's executor, one call at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "api_gateway/http/chunked_decoder.h"
#include "api_gateway/http/head_parser.h"
#include "base/bytes.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/network.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

class WireInput {
 public:
  WireInput(Stream& stream, Clock& clock) : stream_(stream), clock_(clock) {}

  std::string_view buffered() const;
  void Consume(size_t count);
  // Reads at least a byte behind what is buffered (of which there may be kHeadBytesMax + 1). 0: the
  // peer closed its side. kDeadlineExceeded, kCancelled as Stream.
  Task<Result<size_t>> Fill(Duration timeout);
  // Past the buffer, which must be empty.
  Task<Result<size_t>> ReadDirect(MutableByteSpan out, Duration timeout);
  // Gives memory back that only a large head needed. When nothing is buffered.
  void Shrink();

  // When the pending read must be over whatever the stream's own timeout sees, in the clock's
  // monotonic nanoseconds; 0: none is pending.
  int64_t overdue_at() const { return overdue_at_; }

 private:
  Stream& stream_;
  Clock& clock_;
  std::vector<uint8_t> memory_;
  size_t begin_ = 0;
  size_t end_ = 0;
  int64_t overdue_at_ = 0;
};

class WireBody {
 public:
  struct Limits {
    Duration window{};
    uint64_t bytes_per_second_min = 0;
  };
  WireBody(WireInput& input, Clock& clock, Limits limits, const Framing& framing);

  // 1 to out.size() bytes, 0 at the end. kCancelled: the client went away; kDeadlineExceeded: too
  // slow, or nothing within `timeout`; kInvalidArgument: malformed chunks.
  Task<Result<size_t>> Read(MutableByteSpan out, Duration timeout);

  bool at_end() const { return chunked_ ? decoder_.at_end() : left_ == 0; }
  // Unknown with chunks.
  std::optional<uint64_t> bytes_left() const;
  uint64_t bytes_read() const { return bytes_read_; }
  const Status& failure() const { return failure_; }

 private:
  Task<Result<size_t>> ReadData(MutableByteSpan out, Duration timeout);
  Task<Result<size_t>> ReadChunked(MutableByteSpan out, Duration timeout);
  // One read from the stream, timed: into `out`, or into the buffer when `out` is empty.
  Task<Result<size_t>> ReadTimed(MutableByteSpan out, Duration timeout);

  WireInput& input_;
  Clock& clock_;
  const Limits limits_;
  const bool chunked_;
  uint64_t left_;
  ChunkedDecoder decoder_;
  uint64_t bytes_read_ = 0;
  int64_t window_waited_ = 0;  // nanoseconds
  uint64_t window_bytes_ = 0;
  Status failure_;
};

}  // namespace ashlar::api_gateway

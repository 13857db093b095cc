// HTTP/1.1 chunked framing (RFC 9112, 7.1), strictly: the lines between the data.
//
// The decoder reads sizes, extensions and trailers; data is taken by the caller, who tells how
// much. Limits: 16 hex digits, 256 bytes of extension, 16 KiB of trailers (which are dropped).
// Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace ashlar::api_gateway {

class ChunkedDecoder {
 public:
  enum class Next { kData, kMoreInput, kEnd };

  // Reads framing from the front of `in` until there is data to take, everything has come, or more
  // input is needed. *used bytes of `in` are done with. kInvalidArgument: not chunked framing.
  [[nodiscard]] Result<Next> Advance(std::string_view in, size_t* used);
  // Bytes of the current chunk still to come; > 0 after kData.
  uint64_t data_left() const { return data_left_; }
  // `count` of them were taken.
  void TakeData(uint64_t count);
  bool at_end() const { return state_ == State::kEnd; }

 private:
  enum class State { kSize, kData, kAfterData, kTrailer, kEnd };
  Status ReadSizeLine(std::string_view line);

  State state_ = State::kSize;
  uint64_t data_left_ = 0;
  size_t trailer_bytes_ = 0;
};

}  // namespace ashlar::api_gateway

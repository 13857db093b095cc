// ObjectReader: the verified bytes of a range of one object version, piece by piece, in order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/status.h"
#include "runtime/task.h"

namespace ashlar::object_service {

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // The next pieces, in order, valid until the following call; empty at the end. An error ends the
  // stream: the caller must break the connection, never end the body cleanly.
  virtual Task<Result<std::span<const ByteSpan>>> Next() = 0;
};

}  // namespace ashlar::object_service

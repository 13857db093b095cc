// Atomic visibility (I2, I3): whatever one answer shows belongs together. ETag, size, metadata and
// bytes are those of one body that some client sent.
#pragma once

#include <string>

#include "base/bytes.h"
#include "judge.h"
#include "reference/reference_model.h"

namespace ashlar::sim {

// ETag, size and tag of one version. The body they belong to; null was reported.
ContentPtr CheckHead(const ReferenceModel& model, const std::string& where, const Seen& seen,
                     Judge* judge);
// A piece of its body. False was reported.
bool CheckBytes(const Content& content, const std::string& where, uint64_t offset, ByteSpan bytes,
                Judge* judge);

}  // namespace ashlar::sim

// No lost object (I1, I7): at rest, every key is in one state that its history allows, and every
// version of it reads back byte for byte, whatever the bad drives do. At any time, a read of what
// is there succeeds: the faults stay within what the code tolerates.
#pragma once

#include <string>

#include "process.h"
#include "reference/reference_model.h"
#include "runtime/task.h"

namespace ashlar::sim {

// An answer that says that data is lost or cannot be reached is reported.
void CheckReadable(const std::string& where, const Op& op, const Outcome& outcome, Judge* judge);

// Reads everything, while nobody else does anything. False: the process ended meanwhile.
Task<bool> CheckAllObjects(Process* process, ReferenceModel* model, Judge* judge, bool with_uploads,
                           const bool* process_ended);

}  // namespace ashlar::sim

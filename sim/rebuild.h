// Rebuild: the rows of a world are lost, and made anew from what lies on its drives, as
// `ashlar rebuild-metadata` does it. While no process is alive.
#pragma once

#include "judge.h"
#include "process.h"
#include "runtime/task.h"

namespace ashlar::sim {

// Puts the rebuilt rows in the place of those there were. False: something was not restored, which
// is reported.
Task<bool> RebuildFromDrives(World* world, Judge* judge);

}  // namespace ashlar::sim

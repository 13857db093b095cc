// Shows an UnsyncedStore as a file system.
#pragma once

#include <string>

#include "powercut/unsynced_store.h"

namespace ashlar::powercut {

// Mounts at `mount_point`, calls `mounted`, and serves until somebody unmounts. False with the
// reason on standard error when it cannot be mounted. A new mount begins with empty caches of the
// kernel: what a cut took is seen by nobody.
bool Serve(UnsyncedStore* store, const std::string& mount_point, void (*mounted)());

}  // namespace ashlar::powercut

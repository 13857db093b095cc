// Sub-commands of `ashlar` beside `server`: each adds itself to the parser and runs when it is
// named. One file a command.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace ashlar::server {

struct Command {
  const CLI::App* parser = nullptr;
  std::function<int()> run;  // the exit code of the process
};

Command AddAdmin(CLI::App& app);
Command AddFsck(CLI::App& app);
Command AddRebuildMetadata(CLI::App& app);

}  // namespace ashlar::server

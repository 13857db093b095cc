// ashlar-powercut: a mounted file system in memory whose power can be cut.
//
// It says "mounted" once it can be used. "cut" and "cut SEED" on standard input, sent when the
// programs that use it are dead, take away all that was not synced, or what chance takes; then it
// is mounted anew and says what was lost. The end of standard input unmounts it and ends.
#include <sys/mount.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <string>
#include <thread>

#include "powercut/fuse_mount.h"

namespace ashlar::powercut {
namespace {

struct Orders {
  std::string mount_point;
  std::string last;  // written before the unmount, read after it
  std::atomic<bool> ended{false};
  std::atomic<bool> answered{true};
};

std::string lost;  // what the next "mounted" tells

void SayMounted() { std::cout << "mounted" << lost << std::endl; }

void Listen(Orders* orders) {
  std::string line;
  while (std::getline(std::cin, line)) {
    orders->answered.store(false);
    orders->last = line;
    umount2(orders->mount_point.c_str(), MNT_DETACH);
    orders->answered.wait(false);
  }
  orders->ended.store(true);
  umount2(orders->mount_point.c_str(), MNT_DETACH);
}

int Main(int argc, char** argv) {
  CLI::App app{"A file system in memory that loses what was not synced"};
  Orders orders;
  Lies lies;
  app.add_option("mount-point", orders.mount_point)->required()->check(CLI::ExistingDirectory);
  app.add_flag("--lie-about-files", lies.about_files, "fsync of a file answers and does nothing");
  app.add_flag("--lie-about-folders", lies.about_folders, "The same of a folder");
  CLI11_PARSE(app, argc, argv);
  UnsyncedStore store(lies);
  std::thread listener([&orders] { Listen(&orders); });
  bool served = true;
  while (true) {
    served = Serve(&store, orders.mount_point, SayMounted);
    if (!served || orders.ended.load()) break;
    const bool by_chance = orders.last.size() > 4;
    const CutReport report =
        store.Cut(by_chance, by_chance ? std::stoull(orders.last.substr(4)) : 0);
    lost = " pages " + std::to_string(report.pages_lost) + " lost " +
           std::to_string(report.pages_kept) + " kept, names " + std::to_string(report.names_lost) +
           " lost " + std::to_string(report.names_kept) + " kept";
    orders.last.clear();
    orders.answered.store(true);
    orders.answered.notify_all();
  }
  if (!served) std::_Exit(1);  // the listener waits for input that may never come
  listener.join();
  return 0;
}

}  // namespace
}  // namespace ashlar::powercut

int main(int argc, char** argv) { return ashlar::powercut::Main(argc, argv); }

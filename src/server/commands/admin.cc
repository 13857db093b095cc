// `ashlar admin`: looks at a running server and changes it, by its admin API. Exit codes: 0 ok, 1 a
// problem was found, 2 wrong usage, no answer, or refused.
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "admin/admin_token.h"
#include "runtime/clock.h"
#include "runtime/event_loop.h"
#include "runtime/process.h"
#include "server/commands/admin_client.h"
#include "server/commands/admin_tables.h"
#include "server/commands/admin_users.h"
#include "server/commands/command.h"

namespace ashlar::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPoll{300};
constexpr int64_t kPlainStepNs = 5'000'000'000;
// Nothing moves for so long: healing waits for something that does not come by itself. A drain
// waits up to a minute for writes that began before it, and what failed is tried again after one.
constexpr int64_t kStuckNs = 180'000'000'000;
constexpr int64_t kStuckWaitingNs = 10'000'000'000;  // it says itself that it waits
constexpr int64_t kScrubStuckNs = 15'000'000'000;

constexpr int kOk = 0;
constexpr int kProblem = 1;
constexpr int kFailed = 2;

constexpr char kFooter[] =
    "The token comes from --token-file, else from ASHLAR_ADMIN_TOKEN, else from the file "
    "admin-token\n"
    "in --data. Exit code 0: fine; 1: a problem was found; 2: wrong usage, no answer, or refused.";

struct AdminSettings {
  std::string endpoint = "127.0.0.1:9001";
  std::string data = "./data";
  std::string token_file;
  bool json = false;
  bool yes = false;
  bool follow = false;
  bool release = false;
  bool unfreeze = false;
  bool pause = false;
  bool resume = false;
  bool status_only = false;
  unsigned drive = 0;
  UserSettings user;
};

int Failed(const Status& status) {
  std::fprintf(stderr, "ashlar: %s\n", status.message().c_str());
  return kFailed;
}

Result<Secret> FindToken(const AdminSettings& settings) {
  std::string path = settings.token_file;
  const char* from_environment = std::getenv("ASHLAR_ADMIN_TOKEN");
  if (path.empty() && from_environment != nullptr && *from_environment != '\0') {
    return Secret(from_environment);
  }
  if (path.empty()) path = settings.data + "/" + admin::kTokenFileName;
  EventLoopGroup loops(1);
  Result<std::string> content = RunBlocking(loops, ReadWholeFile(HostDisk(), path, 4096));
  if (!content.ok()) {
    return Status(content.code(), "cannot read the admin token in " + path + " (" +
                                      content.status().message() +
                                      "); give --data, --token-file or ASHLAR_ADMIN_TOKEN");
  }
  content->erase(content->find_last_not_of("\r\n\t ") + 1);
  return Secret(std::move(*content));
}

// One line that changes in place on a terminal, else a line every few seconds; both on standard
// error.
class FollowLine {
 public:
  FollowLine() : terminal_(StandardErrorIsTerminal()) {}
  ~FollowLine() {
    if (open_) std::fprintf(stderr, "\n");
  }
  void Show(const std::string& text) {
    const int64_t now = SystemClock().MonotonicNanoseconds();
    if (!terminal_ && shown_ns_ != 0 && now - shown_ns_ < kPlainStepNs) return;
    shown_ns_ = now;
    open_ = terminal_;
    if (terminal_) {
      std::fprintf(stderr, "\r%s\x1b[K", text.c_str());
    } else {
      std::fprintf(stderr, "%s\n", text.c_str());
    }
    std::fflush(stderr);
  }

 private:
  const bool terminal_;
  bool open_ = false;
  int64_t shown_ns_ = 0;
};

// Since when nothing moves.
class Stillness {
 public:
  // Nanoseconds for which `still` has been true without a break.
  int64_t Note(bool still) {
    const int64_t now = SystemClock().MonotonicNanoseconds();
    if (!still) since_ns_ = 0;
    if (still && since_ns_ == 0) since_ns_ = now;
    return still ? now - since_ns_ : 0;
  }

 private:
  int64_t since_ns_ = 0;
};

class AdminCommand {
 public:
  AdminCommand(const AdminSettings& settings, Secret token)
      : settings_(settings), client_(settings.endpoint, std::move(token)) {}

  Result<int> ShowStatus() {
    ASSIGN_OR_RETURN(const AdminJson status, client_.Get("status"));
    Print(status, StatusText);
    return status.value("health", "") == "healthy" ? kOk : kProblem;
  }

  Result<int> ListDrives() {
    ASSIGN_OR_RETURN(const AdminJson drives, client_.Get("drives"));
    Print(drives, DrivesText);
    return kOk;
  }

  Result<int> ReplaceDrive() {
    if (!settings_.yes && !Confirmed()) {
      return Status(Code::kInvalidArgument, "nothing was changed; --yes skips the question");
    }
    return ChangeDrive("replace", "a new, empty drive takes its place and is being filled");
  }

  Result<int> DrainDrive() {
    return ChangeDrive("drain", "takes no new shards; those it has are being moved");
  }

  Result<int> ActivateDrive() { return ChangeDrive("activate", "takes shards again"); }

  Result<int> Heal() {
    if (settings_.follow) return FollowHealing();
    ASSIGN_OR_RETURN(const AdminJson heal, client_.Get("heal"));
    Print(heal, HealText);
    return kOk;
  }

  Result<int> Scrub() {
    const char* change = "scrub/start";
    if (settings_.pause) change = "scrub/pause";
    if (settings_.resume) change = "scrub/resume";
    if (!settings_.status_only) {
      ASSIGN_OR_RETURN(const AdminJson accepted, client_.Post(change));
    }
    if (settings_.follow && !settings_.pause) return FollowScrub();
    ASSIGN_OR_RETURN(const AdminJson scrub, client_.Get("scrub"));
    Print(scrub, ScrubText);
    return kOk;
  }

  Result<int> Reclaim() {
    if (settings_.release) {
      ASSIGN_OR_RETURN(const AdminJson accepted, client_.Post("reclaim/release"));
    }
    if (settings_.unfreeze) {
      ASSIGN_OR_RETURN(const AdminJson accepted, client_.Post("reclaim/unfreeze"));
    }
    ASSIGN_OR_RETURN(const AdminJson reclaim, client_.Get("reclaim"));
    Print(reclaim, ReclaimText);
    return reclaim.value("braked", false) && !settings_.release ? kProblem : kOk;
  }

  Result<int> Usage() {
    ASSIGN_OR_RETURN(const AdminJson survey, Survey());
    ASSIGN_OR_RETURN(const AdminJson drives, client_.Get("drives"));
    ASSIGN_OR_RETURN(const AdminJson reclaim, client_.Get("reclaim"));
    AdminJson usage;
    usage["counted_ms"] = survey.at("ended_ms");
    usage["buckets"] = survey.at("buckets");
    usage["extents"] = survey.at("extents");
    usage["extents_now"] = survey.at("extents_now");
    usage["drives"] = drives.at("drives");
    for (AdminJson& drive : usage["drives"]) {
      const size_t index = drive.at("drive").get<size_t>() - 1;
      const AdminJson& counted = survey.at("drives").at(index);
      for (const char* name : {"shards", "shard_bytes", "if_lost"}) drive[name] = counted.at(name);
    }
    usage["reclaim"] = reclaim.at("waiting");
    Print(usage, UsageText);
    return kOk;
  }

  Result<int> User(const UserCommand& command) {
    ASSIGN_OR_RETURN(const AdminJson answer, command.run(client_, settings_.user));
    Print(answer, command.text);
    return kOk;
  }

  Result<int> Doctor() {
    ASSIGN_OR_RETURN(const AdminJson survey, Survey());
    ASSIGN_OR_RETURN(const AdminJson doctor, client_.Get("doctor"));
    Print(doctor, DoctorText);
    return doctor.value("health", "") == "healthy" ? kOk : kProblem;
  }

 private:
  template <typename Text>
  void Print(const AdminJson& json, Text text) const {
    const std::string out = settings_.json ? json.dump(2) + "\n" : text(json);
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
  }

  Result<int> ChangeDrive(const std::string& action, const char* told) {
    const std::string number = std::to_string(settings_.drive);
    ASSIGN_OR_RETURN(const AdminJson accepted, client_.Post("drives/" + number + "/" + action));
    if (settings_.follow) return FollowHealing();
    Print(accepted, [&](const AdminJson&) {
      return "drive " + number + ": " + told + "\nFollow it: ashlar admin heal --follow\n";
    });
    return kOk;
  }

  bool Confirmed() const {
    if (!StandardErrorIsTerminal()) return false;
    std::fprintf(
        stderr,
        "Drive %u gets a new, empty folder and a new identity. The old disk, should it come "
        "back,\nis refused from then on. Go on? [y/N] ",
        settings_.drive);
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
  }

  Result<int> FollowHealing() {
    AdminJson heal;
    bool stuck = false;
    {
      FollowLine line;
      Stillness idle;
      while (true) {
        ASSIGN_OR_RETURN(heal, client_.Get("heal"));
        if (heal.value("done", false)) break;
        const bool waits = heal.value("waiting_for_drive", 0ULL) > 0 ||
                           heal.value("waiting_for_replacement", 0ULL) > 0 ||
                           heal.value("unreadable_extents", 0ULL) > 0;
        const bool changing = heal.value("drives_changing", false);
        const int64_t still = idle.Note(heal.value("idle", false));
        stuck = still > (waits && !changing ? kStuckWaitingNs : kStuckNs);
        if (stuck) break;
        line.Show(HealLine(heal));
        AdminClient::Pause(kPoll);
      }
    }
    Print(heal, HealText);
    if (!stuck) return kOk;
    std::fprintf(stderr, "Healing waits for something: ashlar admin doctor\n");
    return kProblem;
  }

  static std::string HealLine(const AdminJson& heal) {
    const double rate = heal.value("bytes_per_second", 0.0);
    for (const AdminJson& sweep : heal.at("sweeps")) {
      return sweep.value("kind", "") + " of drive " + sweep.at("drive").dump() + " " +
             ProgressBar(sweep.value("bytes_done", 0.0), sweep.value("bytes_total", 0.0), rate,
                         sweep.at("eta_seconds"));
    }
    return "healing: " + heal.at("orders").dump() + " shards ordered, " + Bytes(rate) + "/s";
  }

  Result<int> FollowScrub() {
    AdminJson scrub;
    bool stuck = false;
    {
      FollowLine line;
      Stillness still;
      while (true) {
        ASSIGN_OR_RETURN(scrub, client_.Get("scrub"));
        const bool over = scrub.value("round_ended_ms", 0ULL) != 0;
        bool skipped = false;
        for (const AdminJson& drive : scrub.at("drives")) skipped |= drive.value("skipped", false);
        const bool quiet = !scrub.value("running", false) && skipped;
        stuck = still.Note(quiet || scrub.value("paused", false)) > kScrubStuckNs;
        if (over || stuck) break;
        line.Show("scrub " +
                  ProgressBar(scrub.value("bytes_done", 0.0), scrub.value("bytes_total", 0.0),
                              scrub.value("bytes_per_second", 0.0), scrub.at("eta_seconds")));
        AdminClient::Pause(kPoll);
      }
    }
    Print(scrub, ScrubText);
    const AdminJson& found = scrub.at("findings");
    const bool damage = found.value("corrupt", 0ULL) + found.value("missing", 0ULL) +
                            found.value("unreadable_bytes", 0ULL) >
                        0;
    if (damage) std::fprintf(stderr, "Damage is being healed: ashlar admin heal --follow\n");
    if (stuck) std::fprintf(stderr, "The round is not at its end: ashlar admin doctor\n");
    return damage || stuck ? kProblem : kOk;
  }

  // A new count of everything.
  Result<AdminJson> Survey() {
    ASSIGN_OR_RETURN(const AdminJson accepted, client_.Post("survey"));
    FollowLine line;
    for (bool first = true;; first = false) {
      ASSIGN_OR_RETURN(AdminJson survey, client_.Get("survey"));
      if (!survey.value("running", false)) {
        const std::string error = survey.value("error", "");
        if (!error.empty()) return Status(Code::kUnavailable, "cannot count: " + error);
        return AdminJson(std::move(survey.at("result")));
      }
      if (!first) line.Show("counting: " + survey.at("versions_seen").dump() + " versions");
      AdminClient::Pause(kPoll);
    }
  }

  const AdminSettings& settings_;
  AdminClient client_;
};

using Action = std::function<Result<int>(AdminCommand&)>;

int Run(const AdminSettings& settings, const Action& action) {
  Result<Secret> token = FindToken(settings);
  if (!token.ok()) return Failed(token.status());
  AdminCommand command(settings, std::move(*token));
  try {
    const Result<int> code = action(command);
    return code.ok() ? *code : Failed(code.status());
  } catch (const nlohmann::json::exception& error) {
    std::fprintf(stderr, "ashlar: the server speaks another version (%s)\n", error.what());
    return kFailed;
  }
}

CLI::App* AddCommand(CLI::App* parent, const char* name, const char* about) {
  CLI::App* command = parent->add_subcommand(name, about);
  command->fallthrough();  // --json and the like may stand behind it
  return command;
}

// The parsers and what each of them runs.
using Actions = std::vector<std::pair<const CLI::App*, Action>>;

void AddDriveCommands(CLI::App* admin, AdminSettings* settings, Actions* actions) {
  CLI::App* drive = AddCommand(admin, "drive", "List, replace or drain drives");
  drive->require_subcommand(1);
  actions->emplace_back(AddCommand(drive, "list", "All drives"), &AdminCommand::ListDrives);
  const auto add = [&](const char* name, const char* about, const Action& action) {
    CLI::App* command = AddCommand(drive, name, about);
    command->add_option("N", settings->drive, "Number of the drive, from 1")
        ->required()
        ->check(CLI::Range(1U, 65535U));
    command->add_flag("--follow", settings->follow, "Stay until healing is done");
    actions->emplace_back(command, action);
    return command;
  };
  add("replace", "A lost drive: begin anew with an empty one", &AdminCommand::ReplaceDrive)
      ->add_flag("--yes", settings->yes, "Do not ask");
  add("drain", "Move everything away from a drive", &AdminCommand::DrainDrive);
  add("activate", "Break off a drain", &AdminCommand::ActivateDrive);
}

void AddUpkeepCommands(CLI::App* admin, AdminSettings* settings, Actions* actions) {
  CLI::App* heal = AddCommand(admin, "heal", "What healing does; it works by itself");
  heal->add_flag("--follow", settings->follow, "Stay until it is done");
  actions->emplace_back(heal, &AdminCommand::Heal);
  CLI::App* scrub = AddCommand(admin, "scrub", "Begin to read and verify everything");
  scrub->add_flag("--follow", settings->follow, "Stay until the round is at its end");
  CLI::Option* only = scrub->add_flag("--status", settings->status_only, "Begin nothing");
  CLI::Option* pause = scrub->add_flag("--pause", settings->pause, "Pause scrubbing");
  CLI::Option* resume = scrub->add_flag("--resume", settings->resume, "Go on");
  only->excludes(pause)->excludes(resume);
  pause->excludes(resume);
  actions->emplace_back(scrub, &AdminCommand::Scrub);
  CLI::App* reclaim = AddCommand(admin, "reclaim", "What waits to be reclaimed");
  reclaim->add_flag("--release", settings->release, "Release the brake");
  reclaim->add_flag("--unfreeze", settings->unfreeze,
                    "After rebuild-metadata: orphaned shards may be reclaimed again");
  actions->emplace_back(reclaim, &AdminCommand::Reclaim);
}

}  // namespace

Command AddAdmin(CLI::App& app) {
  CLI::App* admin = app.add_subcommand("admin", "Look after a running server");
  admin->require_subcommand(1);
  admin->footer(kFooter);
  auto settings = std::make_shared<AdminSettings>();
  admin->add_option("--endpoint", settings->endpoint, "Admin address of the server")
      ->envname("ASHLAR_ADMIN_ENDPOINT")
      ->capture_default_str();
  admin->add_option("--data", settings->data, "Data folder of the server, for its token")
      ->envname("ASHLAR_DATA")
      ->capture_default_str();
  admin->add_option("--token-file", settings->token_file, "File that holds the token");
  admin->add_flag("--json", settings->json, "Print JSON, for programs");
  auto actions = std::make_shared<Actions>();
  actions->emplace_back(AddCommand(admin, "status", "The store in a few lines"),
                        &AdminCommand::ShowStatus);
  AddDriveCommands(admin, settings.get(), actions.get());
  AddUpkeepCommands(admin, settings.get(), actions.get());
  for (const UserCommand& command : AddUserCommands(admin, &settings->user)) {
    actions->emplace_back(command.parser, [command](AdminCommand& admin_command) {
      return admin_command.User(command);
    });
  }
  actions->emplace_back(AddCommand(admin, "usage", "Objects and bytes, by bucket and by drive"),
                        &AdminCommand::Usage);
  actions->emplace_back(AddCommand(admin, "doctor", "What is wrong, and what to do about it"),
                        &AdminCommand::Doctor);
  return {.parser = admin, .run = [settings, actions] {
            for (const auto& [parser, action] : *actions) {
              if (parser->parsed()) return Run(*settings, action);
            }
            return kFailed;
          }};
}

}  // namespace ashlar::server

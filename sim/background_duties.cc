#include "background_duties.h"

namespace ashlar::sim {

const std::vector<BackgroundDuty>& BackgroundDuties() {
  static const std::vector<BackgroundDuty> duties = {
      {"probe", [](Process& process) { return process.service().Probe(); }},
  };
  return duties;
}

}  // namespace ashlar::sim

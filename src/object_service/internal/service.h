// What stands behind ObjectService. Private to the component.
#pragma once

#include "object_service/extents/packer.h"
#include "object_service/internal/core.h"
#include "object_service/object_service.h"

namespace ashlar::object_service {

struct ObjectService::Impl {
  Impl(Dependencies dependencies, ObjectServiceOptions options)
      : core(std::move(dependencies), options), object_packer(core), part_packer(core) {}

  Core core;
  ObjectPacker object_packer;
  PartPacker part_packer;
};

}  // namespace ashlar::object_service

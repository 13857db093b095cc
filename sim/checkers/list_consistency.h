// List consistency (I5): a page of a listing is one moment of the bucket. Every key that the page
// covers is a read of that key: listed as its current version is, or not there. Where a common
// prefix is not listed, nothing lies below it; where it is, it is not told which key is the reason.
#pragma once

#include <string>

#include "reference/reference_model.h"
#include "workload/access.h"

namespace ashlar::sim {

class ListCheck {
 public:
  // Before the page is asked for.
  ListCheck(ReferenceModel& model, Judge& judge, ListCall call);
  // With its answer, once. Without it the process ended meanwhile.
  void End(const ListAnswer& answer);

 private:
  void CheckShape(const ListAnswer& answer);
  // Empty: the key is listed by itself.
  std::string PrefixOf(const std::string& key) const;

  ReferenceModel& model_;
  Judge& judge_;
  const ListCall call_;
  const OpPtr op_;
};

}  // namespace ashlar::sim

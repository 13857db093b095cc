// Pages of a list that is sorted by name: Marker and MaxItems, IsTruncated. The marker is the name
// that the page before ended with.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/iam_api/actions.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway::iam_api {

class Page {
 public:
  // An error: MaxItems is no number from 1 to 1000.
  static std::optional<IamError> Read(const Form& form, Page* page) {
    page->marker_ = form.Find("Marker").value_or("");
    const auto text = form.Find("MaxItems");
    unsigned long long count = kItems;
    if (text && (!ParseUnsigned(*text, &count) || count < 1 || count > kItemsMax)) {
      return ValidationError("Value '" + std::string(*text) +
                             "' at 'maxItems' failed to satisfy constraint: Member must have "
                             "value between 1 and 1000");
    }
    page->left_ = count;
    return std::nullopt;
  }

  // Called in the order of the names; true: this one belongs on the page.
  bool Takes(std::string_view name) {
    if (name <= marker_) return false;
    if (left_ == 0) {
      truncated_ = true;
      return false;
    }
    --left_;
    last_ = name;
    return true;
  }

  // After the list.
  void Write(XmlWriter& xml) const {
    xml.Bool("IsTruncated", truncated_);
    if (truncated_) xml.Text("Marker", last_);
  }

 private:
  static constexpr size_t kItems = 100;
  static constexpr size_t kItemsMax = 1000;
  std::string marker_;
  std::string last_;
  size_t left_ = kItems;
  bool truncated_ = false;
};

}  // namespace ashlar::api_gateway::iam_api

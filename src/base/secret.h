// Secret: a value that must not reach a log, an error or a dump. No stream operator, no formatter;
// the bytes are wiped when it dies.
#pragma once

#include <string>
#include <utility>

namespace ashlar {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) = default;
  ~Secret() { explicit_bzero_string(value_); }

  // The only way out; grep for it in review.
  const std::string& Reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  static void explicit_bzero_string(std::string& text) {
    volatile char* p = text.data();
    for (size_t i = 0; i < text.size(); ++i) p[i] = 0;
  }
  std::string value_;
};

}  // namespace ashlar

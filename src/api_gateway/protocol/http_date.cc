#include "api_gateway/protocol/http_date.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace ashlar::api_gateway {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads fixed fields from the front of a text; after the first mismatch everything fails.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return ok_ && text_.empty(); }
  bool ok() const { return ok_; }

  void Literal(std::string_view expected) {
    if (text_.starts_with(expected)) {
      text_.remove_prefix(expected.size());
    } else {
      ok_ = false;
    }
  }
  bool Try(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  int Digits(size_t count) {
    if (text_.size() < count) ok_ = false;
    int value = 0;
    for (size_t i = 0; ok_ && i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') {
        ok_ = false;
        return 0;
      }
      value = value * 10 + (text_[i] - '0');
    }
    if (ok_) text_.remove_prefix(count);
    return value;
  }
  template <size_t kSize>
  int OneOf(const std::array<std::string_view, kSize>& names) {
    for (size_t i = 0; i < kSize; ++i) {
      if (Try(names[i])) return static_cast<int>(i);
    }
    ok_ = false;
    return 0;
  }
  void SkipDigits() {
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') text_.remove_prefix(1);
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

struct Civil {
  int year = 0;
  int month = 0;  // 1 to 12
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<int64_t> ToSeconds(const Civil& c) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::sys_days;
  using std::chrono::year;
  const std::chrono::year_month_day date{year(c.year), month(static_cast<unsigned>(c.month)),
                                         day(static_cast<unsigned>(c.day))};
  // A leap second (60) is let through as the next second.
  if (!date.ok() || c.year < 1970 || c.hour > 23 || c.minute > 59 || c.second > 60) {
    return std::nullopt;
  }
  const int64_t days = sys_days(date).time_since_epoch().count();
  return days * 86'400 + c.hour * 3'600 + c.minute * 60 + c.second;
}

Civil FromSeconds(int64_t seconds) {
  using namespace std::chrono;  // NOLINT: calendar arithmetic only
  const auto days_since = floor<days>(sys_seconds(std::chrono::seconds(seconds)));
  const year_month_day date(days_since);
  const auto rest = static_cast<int>(seconds - days_since.time_since_epoch().count() * 86'400);
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          rest / 3'600,
          rest / 60 % 60,
          rest % 60};
}

void ReadTime(FieldReader* in, Civil* c) {
  c->hour = in->Digits(2);
  in->Literal(":");
  c->minute = in->Digits(2);
  in->Literal(":");
  c->second = in->Digits(2);
}

void ReadZone(FieldReader* in) {
  if (!in->Try("GMT") && !in->Try("UTC")) in->Literal("+0000");
}

std::optional<int64_t> ParseImfFixdate(std::string_view text) {
  FieldReader in(text);
  Civil c;
  in.OneOf(kDays);
  in.Literal(", ");
  c.day = in.Digits(2);
  in.Literal(" ");
  c.month = in.OneOf(kMonths) + 1;
  in.Literal(" ");
  c.year = in.Digits(4);
  in.Literal(" ");
  ReadTime(&in, &c);
  in.Literal(" ");
  ReadZone(&in);
  return in.AtEnd() ? ToSeconds(c) : std::nullopt;
}

std::optional<int64_t> ParseRfc850(std::string_view text) {
  FieldReader in(text);
  Civil c;
  in.OneOf(kLongDays);
  in.Literal(", ");
  c.day = in.Digits(2);
  in.Literal("-");
  c.month = in.OneOf(kMonths) + 1;
  in.Literal("-");
  const int year = in.Digits(2);
  c.year = year < 70 ? 2000 + year : 1900 + year;
  in.Literal(" ");
  ReadTime(&in, &c);
  in.Literal(" ");
  ReadZone(&in);
  return in.AtEnd() ? ToSeconds(c) : std::nullopt;
}

std::optional<int64_t> ParseAsctime(std::string_view text) {
  FieldReader in(text);
  Civil c;
  in.OneOf(kDays);
  in.Literal(" ");
  c.month = in.OneOf(kMonths) + 1;
  in.Literal(" ");
  c.day = in.Try(" ") ? in.Digits(1) : in.Digits(2);
  in.Literal(" ");
  ReadTime(&in, &c);
  in.Literal(" ");
  c.year = in.Digits(4);
  return in.AtEnd() ? ToSeconds(c) : std::nullopt;
}

template <typename... Args>
std::string Format(const char* format, Args... args) {
  char text[96];
  const int size = std::snprintf(text, sizeof text, format, args...);
  return std::string(text, static_cast<size_t>(size));
}

}  // namespace

std::optional<int64_t> ParseHttpDate(std::string_view text) {
  if (const auto seconds = ParseImfFixdate(text)) return seconds;
  if (const auto seconds = ParseRfc850(text)) return seconds;
  return ParseAsctime(text);
}

std::optional<int64_t> ParseAmzDate(std::string_view text) {
  FieldReader in(text);
  Civil c;
  c.year = in.Digits(4);
  c.month = in.Digits(2);
  c.day = in.Digits(2);
  in.Literal("T");
  c.hour = in.Digits(2);
  c.minute = in.Digits(2);
  c.second = in.Digits(2);
  in.Literal("Z");
  return in.AtEnd() ? ToSeconds(c) : std::nullopt;
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  FieldReader in(text);
  Civil c;
  c.year = in.Digits(4);
  in.Literal("-");
  c.month = in.Digits(2);
  in.Literal("-");
  c.day = in.Digits(2);
  in.Literal("T");
  ReadTime(&in, &c);
  if (in.Try(".")) {
    in.Digits(1);
    in.SkipDigits();
  }
  int64_t offset = 0;
  if (!in.Try("Z")) {
    const bool west = in.Try("-");
    if (!west) in.Literal("+");
    const int hours = in.Digits(2);
    in.Literal(":");
    const int minutes = in.Digits(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = (west ? -1 : 1) * (hours * 3'600 + minutes * 60);
  }
  if (!in.AtEnd()) return std::nullopt;
  const auto local = ToSeconds(c);
  return local ? std::optional(*local - offset) : std::nullopt;
}

// By hand: it is in every answer, and the formatting of the library costs ten times as much.
PooledString FormatHttpDate(int64_t seconds) {
  const Civil c = FromSeconds(seconds);
  // 1970-01-01 was a Thursday.
  const int64_t days = (seconds - (c.hour * 3'600 + c.minute * 60 + c.second)) / 86'400;
  const auto weekday = static_cast<size_t>(((days + 4) % 7 + 7) % 7);
  PooledString text("Thu, 01 Jan 1970 00:00:00 GMT");
  const auto put = [&text](size_t at, int number) {
    text[at] = static_cast<char>('0' + number / 10);
    text[at + 1] = static_cast<char>('0' + number % 10);
  };
  text.replace(0, 3, kDays[weekday]);
  put(5, c.day);
  text.replace(8, 3, kMonths[static_cast<size_t>(c.month - 1)]);
  put(12, c.year / 100);
  put(14, c.year % 100);
  put(17, c.hour);
  put(20, c.minute);
  put(23, c.second);
  return text;
}

std::string FormatAmzDate(int64_t seconds) {
  const Civil c = FromSeconds(seconds);
  return Format("%04d%02d%02dT%02d%02d%02dZ", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

std::string FormatIso8601(int64_t milliseconds) {
  int64_t seconds = milliseconds / 1'000;
  if (milliseconds % 1'000 < 0) --seconds;
  const Civil c = FromSeconds(seconds);
  return Format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour, c.minute,
                c.second, static_cast<int>(milliseconds - seconds * 1'000));
}

std::string FormatIso8601Seconds(int64_t seconds) {
  const Civil c = FromSeconds(seconds);
  return Format("%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute,
                c.second);
}

}  // namespace ashlar::api_gateway

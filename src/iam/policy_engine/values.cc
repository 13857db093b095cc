#include "iam/policy_engine/values.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <span>

#include "iam/policy_engine/pattern.h"

namespace ashlar::iam {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads a text from its front; after a failure everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool Skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A number of exactly `count` digits.
  std::optional<int> Digits(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const std::string_view digits = rest_.substr(0, count);
    if (!std::ranges::all_of(digits, IsDigit)) return std::nullopt;
    int value = 0;
    for (const char digit : digits) value = value * 10 + (digit - '0');
    rest_.remove_prefix(count);
    return value;
  }
  std::string_view Run() {
    const auto end = std::ranges::find_if_not(rest_, IsDigit);
    const std::string_view run = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    rest_.remove_prefix(run.size());
    return run;
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<int64_t> ParseEpoch(std::string_view text) {
  constexpr size_t kDigitsMax = 12;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > kDigitsMax || !std::ranges::all_of(text, IsDigit)) {
    return std::nullopt;
  }
  int64_t seconds = 0;
  for (const char digit : text) seconds = seconds * 10 + (digit - '0');
  return (negative ? -seconds : seconds) * 1000;
}

// "Thh:mm[:ss[.fraction]]" and a zone, in milliseconds after midnight of UTC.
std::optional<int64_t> ParseTime(Scanner* scanner) {
  if (!scanner->Skip('T')) return std::nullopt;
  const auto hour = scanner->Digits(2);
  if (!hour || *hour > 23 || !scanner->Skip(':')) return std::nullopt;
  const auto minute = scanner->Digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  int64_t time_ms = (*hour * 60 + *minute) * 60'000LL;
  if (scanner->Skip(':')) {
    const auto second = scanner->Digits(2);
    if (!second || *second > 59) return std::nullopt;
    time_ms += *second * 1000LL;
    if (scanner->Skip('.')) {
      const std::string_view fraction = scanner->Run();
      if (fraction.empty()) return std::nullopt;
      int64_t unit = 100;
      for (const char digit : fraction.substr(0, 3)) {
        time_ms += (digit - '0') * unit;
        unit /= 10;
      }
    }
  }
  if (scanner->Skip('Z')) return time_ms;
  const bool east = scanner->Skip('+');
  if (!east && !scanner->Skip('-')) return std::nullopt;
  const auto hours = scanner->Digits(2);
  if (!hours || *hours > 23 || !scanner->Skip(':')) return std::nullopt;
  const auto minutes = scanner->Digits(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const int64_t offset_ms = (*hours * 60 + *minutes) * 60'000LL;
  return east ? time_ms - offset_ms : time_ms + offset_ms;
}

// Four numbers of 0 to 255 without leading zeros.
bool ParseIpv4(std::string_view text, uint8_t* out) {
  Scanner scanner(text);
  for (int i = 0; i < 4; ++i) {
    if (i > 0 && !scanner.Skip('.')) return false;
    const std::string_view run = scanner.Run();
    if (run.empty() || run.size() > 3 || (run.size() > 1 && run[0] == '0')) return false;
    int value = 0;
    for (const char digit : run) value = value * 10 + (digit - '0');
    if (value > 255) return false;
    out[i] = static_cast<uint8_t>(value);
  }
  return scanner.AtEnd();
}

// Groups of one to four hexadecimal digits, separated by colons, into `out`; the last may be an
// IPv4 address. The number of bytes, or nothing.
std::optional<size_t> ParseGroups(std::string_view text, std::array<uint8_t, 16>* out) {
  size_t size = 0;
  if (text.empty()) return size;
  while (true) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == text.npos && group.find('.') != group.npos) {
      if (size + 4 > out->size() || !ParseIpv4(group, out->data() + size)) return std::nullopt;
      return size + 4;
    }
    uint16_t value = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (group.empty() || group.size() > 4 || size + 2 > out->size() || error != std::errc{} ||
        end != group.data() + group.size()) {
      return std::nullopt;
    }
    (*out)[size++] = static_cast<uint8_t>(value >> 8);
    (*out)[size++] = static_cast<uint8_t>(value);
    if (colon == text.npos) return size;
    text.remove_prefix(colon + 1);
  }
}

bool ParseIpv6(std::string_view text, std::array<uint8_t, 16>* out) {
  const size_t gap = text.find("::");
  std::array<uint8_t, 16> head{};
  const auto head_size = ParseGroups(text.substr(0, gap), &head);
  if (!head_size) return false;
  *out = head;
  if (gap == text.npos) return *head_size == out->size();
  // IPv4 stands only at the end.
  if (text.substr(0, gap).find('.') != text.npos) return false;
  std::array<uint8_t, 16> tail{};
  const auto tail_size = ParseGroups(text.substr(gap + 2), &tail);
  // `::` stands for at least one group.
  if (!tail_size || *head_size + *tail_size > out->size() - 2) return false;
  std::copy_n(tail.begin(), *tail_size, out->end() - *tail_size);
  return true;
}

constexpr std::array<uint8_t, 12> kMappedIpv4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

void UnmapIpv4(Network* network) {
  constexpr int kMappedBits = 96;
  if (network->is_ipv4 || network->prefix_length < kMappedBits ||
      !std::ranges::equal(std::span(network->address).first(kMappedIpv4.size()), kMappedIpv4)) {
    return;
  }
  std::ranges::rotate(network->address, network->address.begin() + kMappedIpv4.size());
  network->is_ipv4 = true;
  network->prefix_length -= kMappedBits;
}

// As it is written.
std::optional<Network> ParsePlainAddress(std::string_view text) {
  Network network;
  if (text.find(':') == text.npos) {
    if (!ParseIpv4(text, network.address.data())) return std::nullopt;
    network.is_ipv4 = true;
    network.prefix_length = 32;
    return network;
  }
  if (!ParseIpv6(text, &network.address)) return std::nullopt;
  network.prefix_length = 128;
  return network;
}

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  constexpr size_t kNumberBytesMax = 64;
  if (text.size() > kNumberBytesMax) return std::nullopt;
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  Scanner scanner(text);
  scanner.Skip('-');
  if (scanner.Run().empty()) return std::nullopt;
  if (scanner.Skip('.') && scanner.Run().empty()) return std::nullopt;
  double value = 0;
  if (!scanner.AtEnd()) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<int64_t> ParseDate(std::string_view text) {
  if (const auto epoch = ParseEpoch(text)) return epoch;
  Scanner scanner(text);
  const auto year = scanner.Digits(4);
  if (!year || !scanner.Skip('-')) return std::nullopt;
  const auto month = scanner.Digits(2);
  if (!month || !scanner.Skip('-')) return std::nullopt;
  const auto day = scanner.Digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (*year == 0 || !date.ok()) return std::nullopt;
  constexpr int64_t kDayMs = 86'400'000;
  const int64_t midnight_ms = std::chrono::sys_days(date).time_since_epoch().count() * kDayMs;
  if (scanner.AtEnd()) return midnight_ms;
  const auto time_ms = ParseTime(&scanner);
  if (!time_ms || !scanner.AtEnd()) return std::nullopt;
  return midnight_ms + *time_ms;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text.size() > 5) return std::nullopt;
  const std::string lower = ToLower(text);
  if (lower == "true") return true;
  if (lower == "false") return false;
  return std::nullopt;
}

std::optional<std::string> ParseBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t value = kAlphabet.find(c);
    if (value == kAlphabet.npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count));
      bits &= (1U << count) - 1;
    }
  }
  if (bits != 0) return std::nullopt;  // a second spelling of the same bytes
  return bytes;
}

std::optional<Network> ParseAddress(std::string_view text) {
  auto network = ParsePlainAddress(text);
  if (network) UnmapIpv4(&*network);
  return network;
}

std::optional<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  auto network = ParsePlainAddress(text.substr(0, slash));
  if (!network) return std::nullopt;
  if (slash != text.npos) {
    const std::string_view digits = text.substr(slash + 1);
    int length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length < 0 ||
        digits.front() == '-' || (digits.size() > 1 && digits.front() == '0') ||
        length > network->prefix_length) {
      return std::nullopt;
    }
    network->prefix_length = length;
  }
  UnmapIpv4(&*network);
  return network;
}

bool Contains(const Network& network, const Network& address) {
  if (network.is_ipv4 != address.is_ipv4) return false;
  const auto bytes = static_cast<size_t>(network.prefix_length / 8);
  if (!std::equal(network.address.begin(), network.address.begin() + bytes,
                  address.address.begin())) {
    return false;
  }
  const int bits = network.prefix_length % 8;
  return bits == 0 || ((network.address[bytes] ^ address.address[bytes]) >> (8 - bits)) == 0;
}

}  // namespace ashlar::iam

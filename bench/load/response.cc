#include "load/response.h"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace ashlar::bench {
namespace {

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ParseNumber(std::string_view text, int base, uint64_t* value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *value, base);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && !text.empty();
}

}  // namespace

void ResponseReader::Start(bool head_request) {
  state_ = State::kHead;
  head_request_ = head_request;
  close_after_ = false;
  status_ = 0;
  remaining_ = 0;
  body_bytes_ = 0;
  partial_.clear();
}

bool ResponseReader::Consume(std::string_view data, BodySink* sink) {
  while (!data.empty()) {
    switch (state_) {
      case State::kDone: return false;
      case State::kHead: {
        const size_t before = partial_.size();
        // The usual case: the whole head in one piece, parsed where it lies.
        std::string_view text = data;
        if (before != 0) {
          partial_.append(data);
          text = partial_;
        }
        const size_t from = before < 3 ? 0 : before - 3;
        const size_t end = text.find("\r\n\r\n", from);
        if (end == std::string_view::npos) {
          if (text.size() > kHeadBytesMax) return false;
          if (before == 0) partial_.assign(data);
          return true;
        }
        if (!ParseHead(text.substr(0, end + 2))) return false;
        data.remove_prefix(end + 4 - before);
        partial_.clear();
        break;
      }
      case State::kFixed:
      case State::kUntilClose:
      case State::kChunkData: TakeBody(&data, sink); break;
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailer:
        if (!ConsumeLine(&data)) return false;
        break;
    }
  }
  return true;
}

bool ResponseReader::ParseHead(std::string_view head) {
  chunked_ = false;
  has_length_ = false;
  if (!head.starts_with("HTTP/1.") || head.size() < 14) return false;
  close_after_ = head[7] == '0';
  uint64_t status = 0;
  if (!ParseNumber(head.substr(9, 3), 10, &status) || status < 100 || status > 599) return false;
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const size_t line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    head.remove_prefix(line_end + 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = Trim(line.substr(colon + 1));
    if (EqualsIgnoringCase(name, "content-length")) {
      if (!ParseNumber(value, 10, &remaining_)) return false;
      has_length_ = true;
    } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
      chunked_ = EqualsIgnoringCase(value, "chunked");
      if (!chunked_) return false;
    } else if (EqualsIgnoringCase(name, "connection")) {
      if (EqualsIgnoringCase(value, "close")) close_after_ = true;
      if (EqualsIgnoringCase(value, "keep-alive")) close_after_ = false;
    }
  }
  if (status < 200) return true;  // an interim answer: the real head follows
  status_ = static_cast<int>(status);
  BeginBody();
  return true;
}

void ResponseReader::BeginBody() {
  if (head_request_ || status_ == 204 || status_ == 304) {
    state_ = State::kDone;
  } else if (chunked_) {
    state_ = State::kChunkSize;
  } else if (has_length_) {
    state_ = remaining_ == 0 ? State::kDone : State::kFixed;
  } else {
    state_ = State::kUntilClose;
    close_after_ = true;
  }
}

void ResponseReader::TakeBody(std::string_view* data, BodySink* sink) {
  const bool bounded = state_ != State::kUntilClose;
  const size_t take =
      bounded ? static_cast<size_t>(std::min<uint64_t>(remaining_, data->size())) : data->size();
  if (sink != nullptr) sink->OnBody(data->substr(0, take));
  data->remove_prefix(take);
  body_bytes_ += take;
  if (!bounded) return;
  remaining_ -= take;
  if (remaining_ == 0) state_ = state_ == State::kFixed ? State::kDone : State::kChunkEnd;
}

bool ResponseReader::ConsumeLine(std::string_view* data) {
  const size_t end = data->find('\n');
  if (end == std::string_view::npos) {
    partial_.append(*data);
    *data = {};
    return partial_.size() <= kHeadBytesMax;
  }
  partial_.append(data->substr(0, end));
  data->remove_prefix(end + 1);
  if (partial_.empty() || partial_.back() != '\r') return false;
  partial_.pop_back();
  const bool ok = OnLine(partial_);
  partial_.clear();
  return ok;
}

bool ResponseReader::OnLine(std::string_view line) {
  switch (state_) {
    case State::kChunkSize:
      if (!ParseNumber(Trim(line.substr(0, line.find(';'))), 16, &remaining_)) return false;
      state_ = remaining_ == 0 ? State::kTrailer : State::kChunkData;
      return true;
    case State::kChunkEnd: state_ = State::kChunkSize; return line.empty();
    case State::kTrailer:
      if (line.empty()) state_ = State::kDone;
      return true;
    default: return false;
  }
}

bool ResponseReader::OnClose() {
  if (state_ == State::kUntilClose) state_ = State::kDone;
  return state_ == State::kDone;
}

uint64_t ResponseReader::SkippableBytes() const { return state_ == State::kFixed ? remaining_ : 0; }

void ResponseReader::Skip(uint64_t bytes) {
  remaining_ -= bytes;
  body_bytes_ += bytes;
  if (remaining_ == 0) state_ = State::kDone;
}

}  // namespace ashlar::bench

#include "iam/policy_engine/pattern.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/seeded_bug.h"
#include "iam/policy_engine/known_names.h"

namespace ashlar::iam {
namespace {

constexpr size_t kNoMatch = std::string_view::npos;

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

size_t NextCharacter(std::string_view text, size_t position) {
  ++position;
  while (position < text.size() && IsContinuation(text[position])) ++position;
  return position;
}

size_t PreviousCharacter(std::string_view text, size_t position) {
  --position;
  while (position > 0 && IsContinuation(text[position])) --position;
  return position;
}

// A segment is a run of tokens without kMany. Where its match that begins at `position` ends.
size_t MatchForward(std::span<const Token> segment, std::string_view text, size_t position) {
  for (const Token& token : segment) {
    if (token.kind == TokenKind::kLiteral) {
      if (!text.substr(position).starts_with(token.text)) return kNoMatch;
      position += token.text.size();
    } else {
      if (position >= text.size()) return kNoMatch;
      position = NextCharacter(text, position);
    }
  }
  return position;
}

// Where the segment's match that ends at the end of `text` begins.
size_t MatchBackward(std::span<const Token> segment, std::string_view text) {
  size_t position = text.size();
  for (size_t i = segment.size(); i-- > 0;) {
    if (segment[i].kind == TokenKind::kLiteral) {
      if (!text.substr(0, position).ends_with(segment[i].text)) return kNoMatch;
      position -= segment[i].text.size();
    } else {
      if (position == 0) return kNoMatch;
      position = PreviousCharacter(text, position);
    }
  }
  return position;
}

// Where the segment's first match from `position` on ends.
size_t FindSegment(std::span<const Token> segment, std::string_view text, size_t position) {
  if (segment.size() == 1 && segment[0].kind == TokenKind::kLiteral) {
    const std::string_view literal = segment[0].text;
    const std::string_view rest = text.substr(position);
    if (literal.empty()) return position;
    if (rest.size() < literal.size()) return kNoMatch;
    // Linear also for what string_view::find is quadratic in.
    const void* found = memmem(rest.data(), rest.size(), literal.data(), literal.size());
    if (found == nullptr) return kNoMatch;
    return static_cast<size_t>(static_cast<const char*>(found) - text.data()) + literal.size();
  }
  while (true) {
    const size_t end = MatchForward(segment, text, position);
    if (end != kNoMatch || position >= text.size()) return end;
    position = NextCharacter(text, position);
  }
}

size_t IndexOfMany(std::span<const Token> tokens) {
  const auto found = std::ranges::find(tokens, TokenKind::kMany, &Token::kind);
  return static_cast<size_t>(found - tokens.begin());
}

const ContextKey* FindOnly(std::span<const ContextKey> context, std::string_view name) {
  const ContextKey* found = nullptr;
  for (const ContextKey& key : context) {
    if (key.name != name) continue;
    if (found != nullptr) return nullptr;  // several values: none of them is the value
    found = &key;
  }
  return found;
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

Status InvalidVariable(std::string_view text) {
  return {Code::kInvalidArgument, "Policy has an invalid variable: " + std::string(text)};
}

// Adds the tokens of `text`; `*` and `?` are wildcards.
void AddGlob(std::string_view text, TokenList* out) {
  bool after_many = false;
  while (!text.empty()) {
    const size_t length = std::min(text.find_first_of("*?"), text.size());
    if (length > 0) {
      out->Add({TokenKind::kLiteral, text.substr(0, length)});
      text.remove_prefix(length);
      after_many = false;
    } else {
      const bool many = text.front() == '*';
      if (!many || !after_many) out->Add({many ? TokenKind::kMany : TokenKind::kOne, {}});
      after_many = many;
      text.remove_prefix(1);
    }
  }
}

}  // namespace

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return ToLower(c); });
  return lower;
}

void TokenList::Add(Token token) {
  if (spilled_.empty()) {
    if (size_ < short_.size()) {
      short_[size_++] = token;
      return;
    }
    spilled_.assign(short_.begin(), short_.end());
  }
  spilled_.push_back(token);
}

void TokenList::Clear() {
  size_ = 0;
  spilled_.clear();
}

Result<Pattern> Pattern::Compile(std::string_view text, Syntax syntax) {
  Pattern pattern;
  while (!text.empty()) {
    if (syntax.variables && text.starts_with("${")) {
      // A default in quotes may hold a brace.
      size_t end = text.find_first_of("}'");
      if (end != text.npos && text[end] == '\'') {
        end = text.find('\'', end + 1);
        if (end != text.npos) end = text.find('}', end);
      }
      if (end == text.npos) return InvalidVariable(text);
      RETURN_IF_ERROR(pattern.AddVariable(text.substr(2, end - 2)));
      text.remove_prefix(end + 1);
    } else if (syntax.wildcards && (text.front() == '*' || text.front() == '?')) {
      const auto kind = text.front() == '*' ? Piece::Kind::kMany : Piece::Kind::kOne;
      const bool repeated = kind == Piece::Kind::kMany && !pattern.pieces_.empty() &&
                            pattern.pieces_.back().kind == kind;
      if (!repeated) pattern.pieces_.push_back({.kind = kind, .text = {}, .default_text = {}});
      text.remove_prefix(1);
    } else {
      const size_t length = std::min(text.find_first_of("$*?", 1), text.size());
      pattern.AddLiteral(text.substr(0, length));
      text.remove_prefix(length);
    }
    if (pattern.pieces_.size() > kPatternPiecesMax) {
      return Status(Code::kInvalidArgument, "Policy has a pattern with too many wildcards");
    }
  }
  return pattern;
}

void Pattern::AddLiteral(std::string_view text) {
  if (!pieces_.empty() && pieces_.back().kind == Piece::Kind::kLiteral) {
    pieces_.back().text += text;
  } else {
    pieces_.push_back(
        {.kind = Piece::Kind::kLiteral, .text = std::string(text), .default_text = {}});
  }
}

// `inside` stands between the braces: `aws:username`, `aws:username, 'nobody'`, `*`.
Status Pattern::AddVariable(std::string_view inside) {
  if (inside == "*" || inside == "?" || inside == "$") {
    AddLiteral(inside);
    return Status::Ok();
  }
  Piece piece{.kind = Piece::Kind::kVariable, .text = {}, .default_text = {}};
  std::string_view name = inside;
  if (const size_t comma = inside.find(','); comma != inside.npos) {
    name = inside.substr(0, comma);
    const std::string_view quoted = Trim(inside.substr(comma + 1));
    if (quoted.size() < 2 || quoted.front() != '\'' || quoted.back() != '\'' ||
        quoted.find('\'', 1) != quoted.size() - 1) {
      return InvalidVariable(inside);
    }
    piece.has_default = true;
    piece.default_text = quoted.substr(1, quoted.size() - 2);
  }
  piece.text = ToLower(Trim(name));
  if (!IsKnownConditionKey(piece.text)) return InvalidVariable(inside);
  pieces_.push_back(std::move(piece));
  return Status::Ok();
}

bool Pattern::Resolve(std::span<const ContextKey> context, TokenList* out) const {
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::kLiteral: out->Add({TokenKind::kLiteral, piece.text}); break;
      case Piece::Kind::kOne: out->Add({TokenKind::kOne, {}}); break;
      case Piece::Kind::kMany: out->Add({TokenKind::kMany, {}}); break;
      case Piece::Kind::kVariable: {
        const ContextKey* found = FindOnly(context, piece.text);
        if (found == nullptr && !piece.has_default) return false;
        const std::string_view value = found != nullptr ? found->value : piece.default_text;
        if (SeededBug("policy.variable_is_a_glob")) {
          AddGlob(value, out);
        } else {
          out->Add({TokenKind::kLiteral, value});
        }
        break;
      }
    }
  }
  return true;
}

void Pattern::Widest(TokenList* out) const {
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::kLiteral: out->Add({TokenKind::kLiteral, piece.text}); break;
      case Piece::Kind::kOne: out->Add({TokenKind::kOne, {}}); break;
      case Piece::Kind::kMany:
      case Piece::Kind::kVariable: out->Add({TokenKind::kMany, {}}); break;
    }
  }
}

bool Pattern::IsFixed() const {
  return std::ranges::all_of(pieces_, [](const Piece& piece) {
    return piece.kind == Piece::Kind::kLiteral && piece.text.find_first_of("*?") == kNoMatch;
  });
}

bool Pattern::HasVariable() const {
  return std::ranges::find(pieces_, Piece::Kind::kVariable, &Piece::kind) != pieces_.end();
}

// What stands before the first and after the last kMany has one place each; the segments between
// are taken at their first place, which leaves the most to those that follow.
bool MatchTokens(std::span<const Token> tokens, std::string_view text) {
  size_t many = IndexOfMany(tokens);
  if (many == tokens.size()) return MatchForward(tokens, text, 0) == text.size();
  size_t position = MatchForward(tokens.first(many), text, 0);
  if (position == kNoMatch) return false;
  std::span<const Token> rest = tokens.subspan(many + 1);
  while (true) {
    many = IndexOfMany(rest);
    if (many == rest.size()) break;
    position = FindSegment(rest.first(many), text, position);
    if (position == kNoMatch) return false;
    rest = rest.subspan(many + 1);
  }
  const size_t last = MatchBackward(rest, text);
  return last != kNoMatch && last >= position;
}

bool EqualIgnoringCase(std::span<const Token> tokens, std::string_view text) {
  for (const Token& token : tokens) {
    const std::string_view begin = text.substr(0, token.text.size());
    if (!std::ranges::equal(
            begin, token.text, {}, [](char c) { return ToLower(c); },
            [](char c) { return ToLower(c); })) {
      return false;
    }
    text.remove_prefix(begin.size());
  }
  return text.empty();
}

bool MatchArn(std::span<const Token> tokens, std::string_view arn) {
  constexpr int kColons = 5;
  if (tokens.size() == 1 && tokens[0].kind == TokenKind::kMany) {
    return std::ranges::count(arn, ':') >= kColons;
  }
  TokenList part;
  int colons = 0;
  for (Token token : tokens) {
    while (token.kind == TokenKind::kLiteral && colons < kColons) {
      const size_t colon = token.text.find(':');
      if (colon == kNoMatch) break;
      part.Add({TokenKind::kLiteral, token.text.substr(0, colon)});
      token.text.remove_prefix(colon + 1);
      const size_t end = arn.find(':');
      if (end == kNoMatch || !MatchTokens(part.tokens(), arn.substr(0, end))) return false;
      arn.remove_prefix(end + 1);
      part.Clear();
      ++colons;
    }
    part.Add(token);
  }
  return colons == kColons && MatchTokens(part.tokens(), arn);
}

bool CanMatchPrefix(std::span<const Token> tokens, std::string_view prefix) {
  // A kMany that is reached can take the rest of `prefix`, whatever follows it.
  for (const Token& token : tokens) {
    if (token.kind == TokenKind::kMany || prefix.empty()) return true;
    if (token.kind == TokenKind::kOne) {
      prefix.remove_prefix(NextCharacter(prefix, 0));
    } else {
      const size_t length = std::min(prefix.size(), token.text.size());
      if (prefix.substr(0, length) != token.text.substr(0, length)) return false;
      prefix.remove_prefix(length);
    }
  }
  return prefix.empty();
}

bool MatchesGlob(std::string_view pattern, std::string_view text) {
  TokenList tokens;
  AddGlob(pattern, &tokens);
  return MatchTokens(tokens.tokens(), text);
}

}  // namespace ashlar::iam

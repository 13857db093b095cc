// Patterns: text with `*`, `?` and variables, as Resource, Action and condition values have them.
//
// Compile cuts a pattern into pieces once; Resolve puts the values of its variables in and gives
// tokens, which are matched. A value becomes a literal token, so nothing in it is ever a wildcard.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "iam/policy.h"

namespace ashlar::iam {

// More than anyone writes; bounds the work of a match.
inline constexpr size_t kPatternPiecesMax = 256;

enum class TokenKind : uint8_t { kLiteral, kOne, kMany };

struct Token {
  TokenKind kind;
  std::string_view text;  // of a literal
};

// A list of tokens that lives on the stack while it is short.
class TokenList {
 public:
  void Add(Token token);
  void Clear();
  std::span<const Token> tokens() const {
    return spilled_.empty() ? std::span(short_).first(size_) : std::span(spilled_);
  }

 private:
  std::array<Token, 16> short_;
  size_t size_ = 0;
  std::vector<Token> spilled_;  // all of them, once there are too many
};

class Pattern {
 public:
  struct Syntax {
    bool wildcards = true;  // `*` and `?` are wildcards
    bool variables = true;  // `${...}` is a variable
  };
  // kInvalidArgument: a variable that is not closed, has a malformed default or an unknown name;
  // too many pieces.
  static Result<Pattern> Compile(std::string_view text, Syntax syntax);

  // False when a variable has no value (or several) and no default. The tokens view this pattern
  // and the context.
  [[nodiscard]] bool Resolve(std::span<const ContextKey> context, TokenList* out) const;

  // The tokens with a run of anything for every variable: what the pattern could match.
  void Widest(TokenList* out) const;

  // No wildcard and no variable, nor a literal `*` or `?`.
  bool IsFixed() const;
  bool HasVariable() const;

 private:
  struct Piece {
    enum class Kind : uint8_t { kLiteral, kOne, kMany, kVariable };
    Kind kind = Kind::kLiteral;
    bool has_default = false;
    std::string text;  // a literal; the name of a variable, in lower case
    std::string default_text;
  };
  Status AddVariable(std::string_view inside);
  void AddLiteral(std::string_view text);
  std::vector<Piece> pieces_;
};

// Whether the tokens describe the whole of `text`.
bool MatchTokens(std::span<const Token> tokens, std::string_view text);

// As above when letters of ASCII may differ in case; the tokens have no wildcard.
bool EqualIgnoringCase(std::span<const Token> tokens, std::string_view text);

// ArnLike: the six parts between the first five colons are matched one by one, so that a wildcard
// stays in its part. The pattern `*` alone matches every ARN.
bool MatchArn(std::span<const Token> tokens, std::string_view arn);

// Whether the tokens describe some text that begins with `prefix`.
bool CanMatchPrefix(std::span<const Token> tokens, std::string_view prefix);

char ToLower(char c);
std::string ToLower(std::string_view text);

}  // namespace ashlar::iam

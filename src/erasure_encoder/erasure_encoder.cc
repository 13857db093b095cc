#include "erasure_encoder/erasure_encoder.h"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "erasure_encoder/internal/decode_cache.h"

namespace ashlar::erasure_encoder {
namespace {

constexpr int kParityMax = 8;
// ISA-L expands each coefficient to a table of 32 bytes.
constexpr size_t kTableBytes = 32;
// k * m is greatest at k = 24, m = 8.
constexpr size_t kCodingTableMax = kTableBytes * (kShardsMax - kParityMax) * kParityMax;
// ISA-L takes lengths as int; longer shards are coded in pieces of this many bytes.
constexpr size_t kPieceMax = size_t{1} << 30;

using MatrixBuffer = std::array<uint8_t, kShardsMax * kShardsMax>;

Status Invalid(std::string message) {
  return Status(ashlar::Code::kInvalidArgument, std::move(message));
}

bool ParseCount(std::string_view text, int* count) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *count);
  return error == std::errc() && stop == end && text[0] != '-';
}

// Strictly ascending indices below `total` as bits; false when they are not that.
bool ToMask(std::span<const uint8_t> indices, int total, uint32_t* mask) {
  *mask = 0;
  int before = -1;
  for (const uint8_t index : indices) {
    if (index <= before || index >= total) return false;
    *mask |= uint32_t{1} << index;
    before = index;
  }
  return true;
}

// rows x columns coefficients over `inputs` to `outputs`, `size` bytes each.
void Apply(int columns, int rows, const uint8_t* table, std::span<const uint8_t* const> inputs,
           std::span<uint8_t* const> outputs, size_t size) {
  std::array<uint8_t*, kShardsMax> from;
  std::array<uint8_t*, kShardsMax> to;
  // ISA-L wants pointers to non-const but writes to none of the inputs nor to the table.
  for (int i = 0; i < columns; ++i) from[i] = const_cast<uint8_t*>(inputs[i]);
  for (int i = 0; i < rows; ++i) to[i] = outputs[i];
  while (size > 0) {
    const size_t piece = std::min(size, kPieceMax);
    ec_encode_data(static_cast<int>(piece), columns, rows, const_cast<uint8_t*>(table), from.data(),
                   to.data());
    size -= piece;
    if (size == 0) break;
    for (int i = 0; i < columns; ++i) from[i] += piece;
    for (int i = 0; i < rows; ++i) to[i] += piece;
  }
}

}  // namespace

std::string Code::ToString() const {
  return std::to_string(data_shards) + "+" + std::to_string(parity_shards);
}

Result<Code> ParseCode(std::string_view text) {
  const size_t plus = text.find('+');
  int data = 0;
  int parity = 0;
  if (plus == std::string_view::npos || plus == 0 || plus + 1 == text.size() ||
      !ParseCount(text.substr(0, plus), &data) || !ParseCount(text.substr(plus + 1), &parity)) {
    return Invalid("'" + std::string(text) +
                   "' is not a code; it is written as data+parity shards, for example 10+4");
  }
  if (data < 1) return Invalid("a code needs at least 1 data shard");
  if (parity < 1) return Invalid("a code needs at least 1 parity shard");
  if (parity > kParityMax) return Invalid("a code has at most 8 parity shards");
  if (data > kShardsMax - parity) return Invalid("a code has at most 32 shards in all");
  return Code{static_cast<uint8_t>(data), static_cast<uint8_t>(parity)};
}

struct ErasureEncoder::Tables {
  // (k+m) rows of k coefficients: the identity, then the Cauchy rows of the parity.
  MatrixBuffer matrix;
  std::array<uint8_t, kCodingTableMax> encode;
  DecodeCache decode;

  void BuildDecodeTable(Code code, std::span<const uint8_t> present,
                        std::span<const uint8_t> wanted, uint8_t* table) const;
};

ErasureEncoder::ErasureEncoder(Code code) : code_(code), tables_(std::make_unique<Tables>()) {
  CHECK(code.data_shards >= 1 && code.parity_shards >= 1);
  CHECK(code.parity_shards <= kParityMax && code.total() <= kShardsMax);
  const int k = code.data_shards;
  gf_gen_cauchy1_matrix(tables_->matrix.data(), code.total(), k);
  ec_init_tables(k, code.parity_shards, tables_->matrix.data() + k * k, tables_->encode.data());
}

ErasureEncoder::~ErasureEncoder() = default;

void ErasureEncoder::Encode(std::span<const uint8_t* const> data, std::span<uint8_t* const> parity,
                            size_t size) const {
  CHECK(data.size() == code_.data_shards);
  CHECK(parity.size() == code_.parity_shards);
  Apply(code_.data_shards, code_.parity_shards, tables_->encode.data(), data, parity, size);
}

// The present rows of the matrix map data to the present shards. Their inverse maps the present
// shards to data; a wanted parity is its own row times that inverse.
void ErasureEncoder::Tables::BuildDecodeTable(Code code, std::span<const uint8_t> present,
                                              std::span<const uint8_t> wanted,
                                              uint8_t* table) const {
  const size_t k = code.data_shards;
  MatrixBuffer rows;
  MatrixBuffer inverse;
  for (size_t i = 0; i < k; ++i) {
    std::copy_n(matrix.data() + present[i] * k, k, rows.data() + i * k);
  }
  // Every square part of a Cauchy matrix is regular: a failure would be a broken generator.
  CHECK(gf_invert_matrix(rows.data(), inverse.data(), static_cast<int>(k)) == 0);

  MatrixBuffer coefficients;
  for (size_t i = 0; i < wanted.size(); ++i) {
    uint8_t* const to = coefficients.data() + i * k;
    if (wanted[i] < k) {
      std::copy_n(inverse.data() + wanted[i] * k, k, to);
      continue;
    }
    const uint8_t* const parity_row = matrix.data() + wanted[i] * k;
    for (size_t column = 0; column < k; ++column) {
      uint8_t sum = 0;
      for (size_t j = 0; j < k; ++j) sum ^= gf_mul(parity_row[j], inverse[j * k + column]);
      to[column] = sum;
    }
  }
  ec_init_tables(static_cast<int>(k), static_cast<int>(wanted.size()), coefficients.data(), table);
}

Status ErasureEncoder::Reconstruct(std::span<const uint8_t> present_index,
                                   std::span<const uint8_t* const> present,
                                   std::span<const uint8_t> wanted, std::span<uint8_t* const> out,
                                   size_t size) const {
  const int k = code_.data_shards;
  if (present_index.size() != code_.data_shards || present.size() != present_index.size()) {
    return Invalid("exactly " + std::to_string(k) + " present shards are needed");
  }
  if (out.size() != wanted.size()) return Invalid("one buffer is needed for each wanted shard");
  LossPattern pattern;
  if (!ToMask(present_index, code_.total(), &pattern.present)) {
    return Invalid("present shard indices must ascend and stay inside the code");
  }
  if (!ToMask(wanted, code_.total(), &pattern.wanted)) {
    return Invalid("wanted shard indices must ascend and stay inside the code");
  }
  if ((pattern.present & pattern.wanted) != 0) return Invalid("a wanted shard is present");
  if (wanted.empty() || size == 0) return Status::Ok();

  const uint8_t* table = tables_->decode.Find(pattern);
  std::array<uint8_t, kCodingTableMax> built;
  if (table == nullptr) {
    tables_->BuildDecodeTable(code_, present_index, wanted, built.data());
    const size_t table_size = kTableBytes * present_index.size() * wanted.size();
    table = tables_->decode.Insert(pattern, built.data(), table_size);
    if (table == nullptr) table = built.data();
  }
  Apply(k, static_cast<int>(wanted.size()), table, present, out, size);
  return Status::Ok();
}

}  // namespace ashlar::erasure_encoder

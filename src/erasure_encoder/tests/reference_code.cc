#include "erasure_encoder/tests/reference_code.h"

#include <array>
#include <cstddef>
#include <utility>

namespace ashlar::erasure_encoder::reference {
namespace {

struct Field {
  std::array<uint8_t, 510>
      power{};  // of the generator 2; twice, so that sums of logs need no modulo
  std::array<int, 256> log{};
  Field() {
    int value = 1;
    for (int i = 0; i < 255; ++i) {
      power[i] = power[i + 255] = static_cast<uint8_t>(value);
      log[value] = i;
      value <<= 1;
      if (value >= 256) value ^= 0x11d;
    }
  }
  uint8_t Times(uint8_t a, uint8_t b) const {
    return a == 0 || b == 0 ? 0 : power[log[a] + log[b]];
  }
  uint8_t Inverse(uint8_t a) const { return power[255 - log[a]]; }
};
const Field& TheField() {
  static const Field field;
  return field;
}

}  // namespace

Matrix CodingMatrix(int k, int m) {
  Matrix matrix(k + m, Row(k, 0));
  for (int i = 0; i < k; ++i) matrix[i][i] = 1;
  for (int i = k; i < k + m; ++i) {
    for (int j = 0; j < k; ++j) matrix[i][j] = TheField().Inverse(static_cast<uint8_t>(i ^ j));
  }
  return matrix;
}

Matrix Multiply(const Matrix& rows, const Matrix& inputs) {
  const Field& field = TheField();
  Matrix out;
  for (const Row& row : rows) {
    Row sum(inputs.front().size(), 0);
    for (size_t j = 0; j < row.size(); ++j) {
      for (size_t at = 0; at < sum.size(); ++at) sum[at] ^= field.Times(row[j], inputs[j][at]);
    }
    out.push_back(std::move(sum));
  }
  return out;
}

Matrix Invert(Matrix matrix) {
  const Field& field = TheField();
  const size_t n = matrix.size();
  for (size_t i = 0; i < n; ++i) {
    matrix[i].resize(2 * n, 0);
    matrix[i][n + i] = 1;
  }
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    while (pivot < n && matrix[pivot][column] == 0) ++pivot;
    if (pivot == n) return {};
    std::swap(matrix[pivot], matrix[column]);
    const uint8_t scale = field.Inverse(matrix[column][column]);
    for (uint8_t& element : matrix[column]) element = field.Times(element, scale);
    for (size_t row = 0; row < n; ++row) {
      const uint8_t factor = matrix[row][column];
      if (row == column || factor == 0) continue;
      for (size_t j = 0; j < 2 * n; ++j) matrix[row][j] ^= field.Times(factor, matrix[column][j]);
    }
  }
  for (Row& row : matrix) row.erase(row.begin(), row.begin() + static_cast<ptrdiff_t>(n));
  return matrix;
}

}  // namespace ashlar::erasure_encoder::reference

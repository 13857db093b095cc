// A slow Reed-Solomon code that shares nothing with ISA-L: log tables over GF(2^8) with polynomial
// 0x11d, the Cauchy rows from their definition, Gaussian elimination.
#pragma once

#include <cstdint>
#include <vector>

namespace ashlar::erasure_encoder::reference {

using Row = std::vector<uint8_t>;
using Matrix = std::vector<Row>;

// (k+m) x k: identity above, then element (i, j) = 1 / (i ^ j) for i in k..k+m-1.
[[nodiscard]] Matrix CodingMatrix(int k, int m);
// rows x inputs; every input row has the same size.
[[nodiscard]] Matrix Multiply(const Matrix& rows, const Matrix& inputs);
// Empty when the matrix is singular.
[[nodiscard]] Matrix Invert(Matrix matrix);

}  // namespace ashlar::erasure_encoder::reference

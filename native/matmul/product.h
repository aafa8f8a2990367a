// The matrix product over packed weights:
//
//   1. the rows of activations are quantized, unless the previous product has done so;
//   2. threads multiply panels by rows. The head is computed as in matmul/screen.h if there is one
//      row and only its largest logit is needed.
#pragma once

#include <cstddef>
#include <cstdint>

struct ggml_compute_params;
struct ggml_tensor;

namespace pagoda {

// Size of the plane that follows the packed panels of a head that can be screened; 0 for other weights.
size_t plane_bytes(const ggml_tensor * weights);

// Returns the plane, or null.
uint8_t * plane_of(const ggml_tensor * weights);

// Size of the op's work buffer.
size_t product_work_bytes(const ggml_tensor * op);

// Computes one thread's share of the product.
void multiply_packed(const ggml_compute_params * params, ggml_tensor * op);

} // namespace pagoda

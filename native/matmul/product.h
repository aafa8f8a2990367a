// The matrix product over packed weights:
//
//   1. the rows of activations are quantised, unless the product before has done so;
//   2. threads multiply panels by rows; the head's by one row of which the largest logit is enough, as
//      matmul/screen.h does.
#pragma once

#include <cstddef>
#include <cstdint>

struct ggml_compute_params;
struct ggml_tensor;

namespace pagoda {

// Of the plane that lies behind the packed panels of a head that can be screened; 0 for other weights.
size_t plane_bytes(const ggml_tensor * weights);

// The plane; null where there is none.
uint8_t * plane_of(const ggml_tensor * weights);

// Of the op's work buffer.
size_t product_work_bytes(const ggml_tensor * op);

// The part of one thread.
void multiply_packed(const ggml_compute_params * params, ggml_tensor * op);

} // namespace pagoda

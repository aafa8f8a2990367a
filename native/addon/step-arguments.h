// Converts between JS typed arrays and the plain structs of a step.
#pragma once

#include "model/draft-model.h"
#include "model/step-batch.h"

#include <napi.h>

namespace pagoda {

// Copies a JS StepBatch object. Throws Error "invalid_argument" if an array has the wrong type or is too short.
void read_step_batch(const Napi::Object & from, StepBatch & to);

// Checks that a StepOutput object has room for all results of `rows`.
void check_step_output(const Napi::Object & output, const std::vector<OutputRow> & rows);

// Copies a step's results into a StepOutput object. JS thread only.
void write_step_output(const Napi::Object & output, const std::vector<SampleResult> & results, const StepTimings & timings, DraftFault fault);

} // namespace pagoda

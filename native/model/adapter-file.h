// Reads LoRA adapters from GGUF files, as written by llama.cpp's convert_lora_to_gguf.py.
#pragma once

#include "adapters/adapter-table.h"

#include <memory>
#include <string>

namespace pagoda {

// Reads, checks and converts an adapter for the model with this architecture and the weights in `table`. Any thread can
// call it.
// Throws Error "adapter_*" (src/runner/addon-types.ts) or "out_of_memory".
std::shared_ptr<const Adapter> read_adapter(const std::string & path, const std::string & architecture, AdapterTable & table);

} // namespace pagoda

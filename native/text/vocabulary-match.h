// Compares the vocabularies of two models, one of which drafts tokens for the other.
#pragma once

#include "llama.h"

#include <string>

namespace pagoda {

// Describes the first difference that rules out `draft` as a draft model, by llama.cpp's rules
// (common_speculative_are_compatible): the tokenizers have the same type and the same BOS and EOS tokens, and add the same ones of
// them, sizes differ by at most 128, and all shared tokens from ID 5 on have the same text. Returns "" if there is none.
std::string vocabulary_difference(const llama_model * target, const llama_model * draft);

} // namespace pagoda

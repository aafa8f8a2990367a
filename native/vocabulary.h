// The model's vocabulary: bytes of every token, text to ids and back. Read-only after construction, so
// any thread may use it.
#pragma once

#include "llama.h"

#include <string>
#include <vector>

namespace pagoda {

class Vocabulary {
public:
    explicit Vocabulary(const llama_model * model);

    std::vector<int32_t> tokenize(const std::string & text, bool add_special, bool parse_special) const;
    std::string          detokenize(const std::vector<int32_t> & tokens, bool remove_special) const;

    // Token i is bytes[starts[i], starts[i + 1]).
    std::vector<uint8_t> bytes;
    std::vector<int32_t> starts;  // [n_vocab + 1]
    std::vector<uint8_t> special; // [n_vocab] 1 = control, unknown or unused
    std::vector<int32_t> eos_ids; // end-of-generation ids, ascending
    int32_t              n_vocab;
    bool                 adds_bos;

private:
    const llama_vocab * vocab;
};

} // namespace pagoda

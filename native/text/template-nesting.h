// How deeply a chat template is nested, found without recursion: llama.cpp's Jinja recurses over brackets,
// blocks and chains of operators, so a file of some kilobytes could end the process.
#pragma once

#include "jinja/lexer.h"

#include <vector>

namespace pagoda {

// Of the very tokens that are parsed: a scan of its own could see a tag end where the lexer does not. Throws Error
// "template_limit" for more than 100 levels of brackets or of blocks (an elif counts as one), or for a tag of more
// than 8 KiB, texts left out.
void check_template_nesting(const std::vector<jinja::token> & tokens);

} // namespace pagoda

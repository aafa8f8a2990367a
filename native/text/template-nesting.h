// Checks how deeply a chat template is nested, without recursion: llama.cpp's Jinja recurses over brackets, blocks
// and operator chains, so a template of a few kilobytes could crash the process.
#pragma once

#include "jinja/lexer.h"

#include <vector>

namespace pagoda {

// Takes the parser's tokens, since a separate scan could see the end of a tag where the lexer does not. Throws
// Error "template_limit" for more than 100 levels of brackets or of blocks (an elif counts as one), or for a tag of
// more than 8 KiB, not counting string literals.
void check_template_nesting(const std::vector<jinja::token> & tokens);

} // namespace pagoda

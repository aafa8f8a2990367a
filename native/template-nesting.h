// How deeply a chat template is nested, found without recursion: llama.cpp's Jinja recurses over brackets,
// blocks and chains of operators, so a file of some kilobytes could end the process.
#pragma once

#include <string>

namespace pagoda {

// Throws Error "template_limit" for more than 100 levels of brackets or of blocks (an elif counts as one), or
// for a tag of more than 8 KiB, texts left out.
void check_template_nesting(const std::string & source);

} // namespace pagoda

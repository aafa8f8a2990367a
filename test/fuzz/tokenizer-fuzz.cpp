// Tokenizes arbitrary text with every vocabulary in a folder. The tokens must match those of llama.cpp with
// std::regex and its own search for special tokens, and tokenizing with a limit must return the same prefix.
// Each pre-tokenizer pattern from llama.cpp must split text like std::regex.

#include "mutation-loop.h"
#include "text/special-texts.h"
#include "text/split-pattern.h"
#include "text/vocabulary.h"

#include "llama-vocab.h"
#include "unicode.h"

#include <map>
#include <memory>
#include <regex>
#include <set>

namespace {

// std::regex recurses once per byte, and some patterns try many alternatives.
constexpr size_t MAX_COMPARED_BYTES   = 192;
constexpr size_t MAX_COMPARED_SYMBOLS = 40;

std::vector<std::shared_ptr<const llama_model>>            models;
std::vector<std::unique_ptr<const pagoda::Vocabulary>>     vocabularies;
std::vector<std::string>                                   special_texts;
std::map<std::u32string, std::wregex>                      patterns;

const std::vector<std::string> PIECES = {
    " ", "  ", "\n", "\n\n", "\r\n", "\t", "\x0b", "\u0085", "\u00a0", "\u3000", "\u2028", "a", "Z", "the", "The", " in", "é", "É", "ß",
    "ſ", "ǅ", "ʰ", "ª", "µ", "Ω", "中文", "あ", "ア", "ー", "가", "ㄱ", "ไ", "ำ", "א", "ب", "e\u0301", "\u0301", "'s", "'LL", "'re", "'", "1",
    "12", "1234", "١", "²", "Ⅷ", "１", ".", ",", "!?", "…", "。", "、", "،", "-", "_", "$", "+", "<", "=", ">", "^", "~", "|", "`", "{}", "[]",
    "\\", "()", "#", "\"", "/", "😀", "👩\u200d👧", "\u200b", "\u00ad", "\ue000", "\U000f0000", "\x01", "\x7f", "IMGIMG", "AIZ", "<sentinel:",
    "<dna>", "ACGTAC", "</dna>", "▁", "\u0378", "\uff01", "ﷺ",
};

// Replaces invalid UTF-8 with U+FFFD, as in strings from JS.
std::string valid_text(const uint8_t * data, size_t size) {
    std::string text;
    for (const uint32_t cpt : unicode_cpts_from_utf8(std::string((const char *) data, size))) {
        const bool is_character = cpt <= 0x10ffff && (cpt < 0xd800 || cpt > 0xdfff);
        text += unicode_cpt_to_utf8(is_character ? cpt : 0xfffd);
    }
    return text;
}

std::string first_bytes(const std::string & text, size_t size) {
    while (size < text.size() && (text[size] & 0xc0) == 0x80) {
        --size;
    }
    return text.substr(0, size);
}

std::vector<int32_t> tokens_by_llama(const llama_model & model, const std::string & text, bool add_special, bool parse_special) {
    const auto splitter = unicode_regex_splitter;
    unicode_regex_splitter = nullptr;
    std::vector<int32_t> tokens = llama_model_get_vocab(&model)->tokenize(text, add_special, parse_special);
    unicode_regex_splitter = splitter;
    return tokens;
}

void note_patterns(const llama_vocab & vocab) {
    const auto splitter = unicode_regex_splitter;
    unicode_regex_splitter = [](const std::u32string &, const std::u32string & pattern, const std::vector<size_t> & parts) {
        patterns.emplace(pattern, std::wregex(std::wstring(pattern.begin(), pattern.end())));
        return parts;
    };
    vocab.tokenize("a", false, false);
    unicode_regex_splitter = splitter;
}

// Same as llama.cpp's unicode_regex_split_stl.
std::vector<size_t> pieces_by_regex(const std::wstring & text, const std::wregex & pattern) {
    std::vector<size_t> pieces;
    size_t at = 0;
    for (std::wsregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match) {
        const size_t begin = (size_t) match->position();
        if (begin > at) {
            pieces.push_back(begin - at);
        }
        pieces.push_back((size_t) match->length());
        at = begin + (size_t) match->length();
    }
    if (at < text.size()) {
        pieces.push_back(text.size() - at);
    }
    return pieces;
}

// A code point as llama.cpp passes it to the splitter: unchanged or, for classes, as llama.cpp's byte for it.
char32_t symbol_of(uint32_t cpt, bool as_class) {
    if (cpt < 128) {
        return cpt;
    }
    if (unicode_cpt_flags_from_cpt(cpt).is_whitespace) {
        return 0x0b;
    }
    return as_class ? 0xd0 + cpt % 6 : cpt;
}

void require(bool holds, const char * what, const std::string & text) {
    if (!holds) {
        std::fprintf(stderr, "%s: %s\n", what, text.c_str());
        std::abort();
    }
}

void compare(size_t which, const std::string & text, bool add_special, bool parse_special, size_t limit) {
    const auto & vocabulary = *vocabularies[which];
    const auto   all        = vocabulary.tokenize(text, add_special, parse_special, SIZE_MAX);
    if (text.size() <= MAX_COMPARED_BYTES) {
        require(all == tokens_by_llama(*models[which], text, add_special, parse_special), "tokens differ from llama.cpp's", text);
    }
    const auto some = vocabulary.tokenize(text, add_special, parse_special, limit);
    require(all.size() > limit ? some.size() == limit + 1 : some == all, "tokens with a limit differ", text);
}

void compare_splits(const std::string & text, bool as_class) {
    std::u32string symbols;
    for (const uint32_t cpt : unicode_cpts_from_utf8(text)) {
        symbols += symbol_of(cpt, as_class);
    }
    symbols.resize(std::min(symbols.size(), MAX_COMPARED_SYMBOLS));
    const size_t half = symbols.size() / 2;
    for (const auto & [pattern, regex] : patterns) {
        auto expected = pieces_by_regex(std::wstring(symbols.begin(), symbols.begin() + half), regex);
        const auto rest = pieces_by_regex(std::wstring(symbols.begin() + half, symbols.end()), regex);
        expected.insert(expected.end(), rest.begin(), rest.end());
        const auto pieces = pagoda::SplitPattern::of(pattern).split(symbols, { half, symbols.size() - half });
        require(pieces == expected, "pieces differ from std::regex's", text);
    }
}

} // namespace

std::vector<std::string> fuzz_words() {
    std::vector<std::string> words = PIECES;
    words.insert(words.end(), special_texts.begin(), special_texts.end());
    return words;
}

void fuzz_start(const char * folder) {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    std::set<std::string> paths;
    for (const auto & entry : std::filesystem::directory_iterator(folder)) {
        paths.insert(entry.path().string());
    }
    for (const auto & path : paths) {
        llama_model_params params = llama_model_default_params();
        params.vocab_only = true;
        const std::shared_ptr<const llama_model> model(llama_model_load_from_file(path.c_str(), params), [](const llama_model * m) {
            llama_model_free(const_cast<llama_model *>(m));
        });
        models.push_back(model);
        vocabularies.push_back(std::make_unique<const pagoda::Vocabulary>(model));
        const llama_vocab & vocab = *llama_model_get_vocab(model.get());
        note_patterns(vocab);
        for (llama_token id = 0; id < (llama_token) vocab.n_tokens(); ++id) {
            if (vocab.get_token_data(id).attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED)) {
                special_texts.push_back(vocab.get_token_data(id).text);
            }
        }
    }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    if (size < 3) {
        return 0;
    }
    const std::string text = valid_text(data + 3, size - 3);
    const bool add_special = data[0] & 1, parse_special = data[0] & 2;
    compare_splits(text, data[0] & 4);
    compare(data[1] % vocabularies.size(), first_bytes(text, std::min(text.size(), MAX_COMPARED_BYTES)), add_special, parse_special, data[2]);
    compare(data[1] % vocabularies.size(), text, add_special, parse_special, data[2] * 16);
    return 0;
}

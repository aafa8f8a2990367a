// Feeds arbitrary bytes as chat messages to several templates, and arbitrary text as a template. Rendering
// must succeed or throw Error, in bounded time. An input that begins with "{%" or "{{" is used as a
// template.

#include "error-codes.h"
#include "model/model-file.h"
#include "mutation-loop.h"
#include "text/chat-template.h"

#include "llama.h"

#include <memory>

namespace {

llama_model * model = nullptr;
std::vector<std::unique_ptr<pagoda::ChatTemplate>> templates;

const char * const TEMPLATES[] = {
    "", // the model's own template
    "{{ bos_token }}{% for m in messages %}{% if m.tool_calls %}{% for t in m.tool_calls %}{{ t.function.name }}("
    "{%- for k, v in t.function.arguments.items() %}{{ k }}={{ v|tojson }}{% endfor %}){% endfor %}"
    "{%- else %}[{{ m.role|upper }}]{{ m.content|trim }}{% endif %}{% endfor %}"
    "{%- if tools %}{{ tools|tojson(indent=2) }}{% endif %}{% if mood is defined %}{{ mood }}{% endif %}",
    "{%- set ns = namespace(last='') %}{% for m in messages %}{% if m.role == ns.last %}{{ raise_exception('twice') }}{% endif %}"
    "{% set ns.last = m.role %}{{ m.content[:20] ~ m.content|length }}{% endfor %}{{ messages[-1].content.split(' ')|join('_') }}",
    "{% for m in messages %}{% for part in m.content %}{{ part.text|replace('a', 'bb')|indent }}{{ part }}{% endfor %}"
    "{{ m.content|map(attribute='text')|sort|unique|join(',') }}{% endfor %}{{ mood|dictsort }}{{ tools|tojson(sort_keys=true) }}",
};

const char * const MESSAGES = R"({"messages":[{"role":"user","content":"a b"}],"tools":null,"kwargs":{}})";

} // namespace

std::vector<std::string> fuzz_words() {
    return { "\"messages\":", "\"role\":", "\"content\":", "\"tool_calls\":", "\"function\":", "\"arguments\":", "\"tools\":",
             "\"kwargs\":", "\"type\":\"text\"", "null", "true", "[]", "{}", "\\u0000", "\\ud83d", "{%", "%}", "{{", "}}",
             "for m in messages", "endfor", "if", "else", "endif", "set x =", "macro f(a)", "endmacro", "|", "~", "is defined",
             "not", "in", "and", "|tojson", "|length", ".items()", ".split(", "|replace(", "|map('upper')", "|selectattr('a')", "|sort", "**", "//", "% 3", "1e9", "|format(", "[1:]", "(", ")", "[", "]", "'", "\"", "-" };
}

void fuzz_start(const char * argument) {
    pagoda::install_log_capture();
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    model = llama_model_load_from_file(argument, params);
    if (model == nullptr) {
        std::abort();
    }
    for (const char * text : TEMPLATES) {
        templates.push_back(std::make_unique<pagoda::ChatTemplate>(model, text));
    }
}

static void apply(const pagoda::ChatTemplate & chat_template, const pagoda::ChatTemplateInput & input) {
    try {
        chat_template.apply(input);
    } catch (const pagoda::Error &) {
    }
}

// Renders the text as an operator's template, then as a request's.
static void as_template(const std::string & text) {
    try {
        apply(pagoda::ChatTemplate(model, text), { MESSAGES, "", "", true, false });
    } catch (const pagoda::Error &) {
    }
    apply(*templates.front(), { MESSAGES, text, "", false, true });
}

static void as_messages(const std::string & json) {
    for (const auto & chat_template : templates) {
        apply(*chat_template, { json, "", "", true, false });
        apply(*chat_template, { json, "", "", false, true });
    }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    const std::string text((const char *) data, size);
    if (text.compare(0, 2, "{%") == 0 || text.compare(0, 2, "{{") == 0) {
        as_template(text);
    } else {
        as_messages(text);
    }
    return 0;
}

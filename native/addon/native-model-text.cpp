// NativeModel's methods for text: vocabulary, tokens, chat templates, grammars. They do not touch the weights, so most of them can run
// while a step is in flight.

#include "addon/napi-args.h"
#include "addon/native-model.h"
#include "addon/promise-worker.h"

namespace pagoda {

Napi::Value NativeModel::vocabulary(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const auto vocabulary = live().vocabulary();
        const Vocabulary & v = *vocabulary;
        Napi::Object o = Napi::Object::New(info.Env());
        o.Set("bytes", to_typed_array(info.Env(), v.bytes));
        o.Set("starts", to_typed_array(info.Env(), v.starts));
        o.Set("special", to_typed_array(info.Env(), v.special));
        o.Set("entries", to_typed_array(info.Env(), v.entries));
        o.Set("entryStarts", to_typed_array(info.Env(), v.entry_starts));
        return o;
    });
}

Napi::Value NativeModel::tokenize(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const auto vocabulary = live().vocabulary();
        std::string text = string_argument(info, 0);
        const bool add_special = bool_argument(info, 1), parse_special = bool_argument(info, 2);
        const size_t max_tokens = optional_count_argument(info, 3);
        return PromiseWorker<std::vector<int32_t>>::start(
            info.Env(),
            [vocabulary, text = std::move(text), add_special, parse_special, max_tokens] { return vocabulary->tokenize(text, add_special, parse_special, max_tokens); },
            [](Napi::Env env, std::vector<int32_t> & tokens) -> Napi::Value { return to_typed_array(env, tokens); });
    });
}

Napi::Value NativeModel::tokenize_now(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const std::vector<int32_t> tokens = live().vocabulary()->tokenize(
            string_argument(info, 0), bool_argument(info, 1), bool_argument(info, 2), optional_count_argument(info, 3));
        return to_typed_array(info.Env(), tokens);
    });
}

Napi::Value NativeModel::detokenize(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const auto vocabulary = live().vocabulary();
        const auto view = array_value<int32_t>(info[0], "tokenIds");
        std::vector<int32_t> tokens(view.data, view.data + view.size);
        for (int32_t token : tokens) {
            if (token < 0 || token >= vocabulary->n_vocab) {
                throw Error("invalid_argument", "no such token: " + std::to_string(token));
            }
        }
        const bool remove_special = bool_argument(info, 1);
        return PromiseWorker<std::string>::start(
            info.Env(),
            [vocabulary, tokens = std::move(tokens), remove_special] { return vocabulary->detokenize(tokens, remove_special); },
            [](Napi::Env env, std::string & text) -> Napi::Value { return Napi::String::New(env, text); });
    });
}

static ChatTemplateInput chat_template_input(const Napi::CallbackInfo & info) {
    const Napi::Object o = object_argument(info, 0);
    ChatTemplateInput input;
    input.json = string_field(o, "json");
    input.chat_template = string_field(o, "chatTemplate");
    if (o.Has("contentFormat")) {
        input.content_format = string_field(o, "contentFormat");
    }
    if (!input.content_format.empty() && input.content_format != "string" && input.content_format != "openai") {
        throw Error("invalid_argument", "contentFormat must be string or openai");
    }
    input.add_generation_prompt = o.Get("addGenerationPrompt").ToBoolean();
    input.continue_final_message = o.Get("continueFinalMessage").ToBoolean();
    input.add_special_tokens     = o.Get("addSpecialTokens").ToBoolean();
    return input;
}

Napi::Value NativeModel::tokenize_chat(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const auto vocabulary = live().vocabulary();
        const size_t max_tokens = optional_count_argument(info, 1);
        return PromiseWorker<std::vector<int32_t>>::start(
            info.Env(),
            [m = model, vocabulary, input = chat_template_input(info), max_tokens] {
                // Rendering has dropped the template's BOS if the tokenizer adds one.
                return vocabulary->tokenize(m->chat_template->apply(input), true, true, max_tokens);
            },
            [](Napi::Env env, std::vector<int32_t> & tokens) -> Napi::Value { return to_typed_array(env, tokens); });
    });
}

Napi::Value NativeModel::apply_chat_template(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        live();
        return PromiseWorker<std::string>::start(
            info.Env(), [m = model, input = chat_template_input(info)] { return m->chat_template->apply(input); },
            [](Napi::Env env, std::string & text) -> Napi::Value { return Napi::String::New(env, text); });
    });
}

Napi::Value NativeModel::compile_grammar(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        live();
        std::string kind = string_argument(info, 0), text = string_argument(info, 1);
        if (kind != "json_schema" && kind != "regex" && kind != "lark") {
            throw Error("invalid_argument", "no such kind of grammar: " + kind);
        }
        if (text.find('\0') != std::string::npos) {
            throw Error("grammar_error", "the grammar contains a null character");
        }
        return PromiseWorker<std::shared_ptr<const Grammar>>::start(
            info.Env(),
            [m = model, kind = std::move(kind), text = std::move(text)] { return m->compile_grammar(kind, text); },
            [m = model](Napi::Env env, std::shared_ptr<const Grammar> & grammar) -> Napi::Value {
                return Napi::Number::New(env, m->grammars.add(std::move(grammar)));
            });
    });
}

Napi::Value NativeModel::free_grammar(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        if (!info[0].IsNumber() || !live().grammars.release(info[0].As<Napi::Number>().Int32Value())) {
            throw Error("invalid_argument", "no such grammar");
        }
        return info.Env().Undefined();
    });
}

} // namespace pagoda

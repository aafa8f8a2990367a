// Every entry point checks its arguments, then returns a result or a promise. dispose() waits for any step, sleep or wake-up in progress.
// All of these start and finish on the JS thread.

#include "addon/native-model.h"

#include "addon/addon-data.h"
#include "addon/napi-args.h"
#include "addon/promise-worker.h"
#include "addon/step-arguments.h"
#include "matmul/packed-buffer.h"

namespace pagoda {

namespace {

constexpr size_t MAX_FORCED = 4096;

void check_ids(const std::vector<int32_t> & ids, int32_t n_vocab) {
    for (int32_t id : ids) {
        if (id < 0 || id >= n_vocab) {
            throw Error("invalid_argument", "no such token: " + std::to_string(id));
        }
    }
}

Napi::Value fim_to_js(Napi::Env env, const std::vector<int32_t> & ids) {
    if (ids.empty()) {
        return env.Null();
    }
    Napi::Object o = Napi::Object::New(env);
    o.Set("prefix", ids[0]);
    o.Set("suffix", ids[1]);
    o.Set("middle", ids[2]);
    return o;
}

std::vector<std::vector<int32_t>> bad_words_of(const Napi::Object & o, int32_t n_vocab) {
    const auto ids    = copy_field<int32_t>(o, "badWordIds");
    const auto starts = copy_field<int32_t>(o, "badWordStarts");
    check_ids(ids, n_vocab);
    if (starts.empty() || starts.front() != 0 || starts.back() != (int32_t) ids.size()) {
        throw Error("invalid_argument", "badWordStarts must start at 0 and end at the length of badWordIds");
    }
    std::vector<std::vector<int32_t>> words;
    for (size_t i = 0; i + 1 < starts.size(); ++i) {
        if (starts[i + 1] <= starts[i] || starts[i + 1] > (int32_t) ids.size()) {
            throw Error("invalid_argument", "badWordStarts must be ascending");
        }
        words.emplace_back(ids.begin() + starts[i], ids.begin() + starts[i + 1]);
    }
    return words;
}

} // namespace

struct NativeModel::StepInFlight {
    Napi::Promise::Deferred   deferred;
    Napi::ObjectReference     output;
    std::vector<SampleResult> results;
    StepTimings               timings = {};
    DraftFault                draft_fault = DraftFault::none;
    std::optional<Error>      failure;
};

Napi::FunctionReference NativeModel::define(Napi::Env env) {
    Napi::Function constructor = DefineClass(env, "NativeModel", {
        InstanceAccessor<&NativeModel::info>("info"),
        InstanceMethod<&NativeModel::vocabulary>("vocabulary"),
        InstanceMethod<&NativeModel::memory>("memory"),
        InstanceMethod<&NativeModel::tokenize>("tokenize"),
        InstanceMethod<&NativeModel::tokenize_now>("tokenizeNow"),
        InstanceMethod<&NativeModel::detokenize>("detokenize"),
        InstanceMethod<&NativeModel::apply_chat_template>("applyChatTemplate"),
        InstanceMethod<&NativeModel::tokenize_chat>("tokenizeChat"),
        InstanceMethod<&NativeModel::compile_grammar>("compileGrammar"),
        InstanceMethod<&NativeModel::free_grammar>("freeGrammar"),
        InstanceMethod<&NativeModel::create_sampler>("createSampler"),
        InstanceMethod<&NativeModel::free_sampler>("freeSampler"),
        InstanceMethod<&NativeModel::count_allowed>("countAllowed"),
        InstanceMethod<&NativeModel::forced_tokens>("forcedTokens"),
        InstanceMethod<&NativeModel::load_adapter>("loadAdapter"),
        InstanceMethod<&NativeModel::unload_adapter>("unloadAdapter"),
        InstanceMethod<&NativeModel::check_reload>("checkReload"),
        InstanceMethod<&NativeModel::sleep>("sleep"),
        InstanceMethod<&NativeModel::wake_weights>("wakeWeights"),
        InstanceMethod<&NativeModel::wake_kv_cache>("wakeKvCache"),
        InstanceMethod<&NativeModel::step>("step"),
        InstanceMethod<&NativeModel::dispose>("dispose"),
    });
    return Napi::Persistent(constructor);
}

Napi::Object NativeModel::create(Napi::Env env, std::shared_ptr<Model> model) {
    AddonData & data = addon_data(env);
    data.models.push_back(model);
    Napi::Object object = data.native_model.New({ Napi::External<std::shared_ptr<Model>>::New(env, &model) });
    return object;
}

NativeModel::NativeModel(const Napi::CallbackInfo & info) : Napi::ObjectWrap<NativeModel>(info) {
    if (!info[0].IsExternal()) {
        throw to_js_error(info.Env(), Error("invalid_argument", "use loadModel() to create a model"));
    }
    model = *info[0].As<Napi::External<std::shared_ptr<Model>>>().Data();
    step_done = StepDone::New(info.Env(), "pagoda step", 0, 1, this);
    step_done.Unref(info.Env());
    has_step_done = true;
}

NativeModel::~NativeModel() { close(); }

Model & NativeModel::live() {
    if (!model || disposing) {
        throw Error("disposed", "the model has been disposed");
    }
    return *model;
}

void NativeModel::close() {
    if (model) {
        model->stop();
        model.reset();
    }
    if (has_step_done) {
        has_step_done = false;
        step_done.Release();
    }
}

Napi::Value NativeModel::info(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        Model & m = live();
        const auto vocabulary = m.vocabulary();
        Napi::Object o = header_to_js(info.Env(), m.header);
        o.Set("vocabSize", m.n_vocab);
        o.Set("embeddingLength", m.n_embd);
        Napi::Array eos = Napi::Array::New(info.Env(), vocabulary->eos_ids.size());
        for (uint32_t i = 0; i < eos.Length(); ++i) {
            eos.Set(i, vocabulary->eos_ids[i]);
        }
        o.Set("eosTokenIds", eos);
        o.Set("fimTokenIds", fim_to_js(info.Env(), vocabulary->fim_ids));
        o.Set("addBos", vocabulary->adds_bos);
        o.Set("hasChatTemplate", m.chat_template->available());
        const bool has_window = m.sliding_window > 0;
        o.Set("slidingWindow", has_window ? Napi::Number::New(info.Env(), m.sliding_window) : info.Env().Null());
        o.Set("attentionBackend", m.options.pass.attention->name);
        o.Set("weightKernels", m.options.packs_weights ? weight_kernel_name() : "ggml");
        Napi::Array unpacked = Napi::Array::New(info.Env());
        for (const std::string & type : m.unpacked_types) {
            unpacked.Set(unpacked.Length(), type);
        }
        o.Set("unpackedTypes", unpacked);
        o.Set("device", m.device());
        o.Set("weightsOnDevice", m.weights_on_device());
        return o;
    });
}

Napi::Value NativeModel::memory(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const MemoryReport report = live().memory();
        Napi::Object o = Napi::Object::New(info.Env());
        o.Set("weights", (double) report.weights);
        o.Set("kv", (double) report.kv);
        o.Set("scratch", (double) report.scratch);
        return o;
    });
}

Napi::Value NativeModel::create_sampler(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        Model & m = live();
        const Napi::Object o = object_argument(info, 0);
        SamplerInit init;
        init.n_vocab       = m.n_vocab;
        init.prompt_tokens = copy_field<int32_t>(o, "promptTokenIds");
        init.output_tokens = copy_field<int32_t>(o, "outputTokenIds");
        init.bias_ids      = copy_field<int32_t>(o, "logitBiasIds");
        init.bias_values   = copy_field<float>(o, "logitBiasValues");
        init.allowed_ids   = copy_field<int32_t>(o, "allowedTokenIds");
        init.end_ids       = copy_field<int32_t>(o, "endTokenIds");
        if (init.bias_ids.size() != init.bias_values.size()) {
            throw Error("invalid_argument", "logitBiasIds and logitBiasValues differ in length");
        }
        for (const auto * ids : { &init.prompt_tokens, &init.output_tokens, &init.bias_ids, &init.allowed_ids, &init.end_ids }) {
            check_ids(*ids, init.n_vocab);
        }
        init.bad_words = bad_words_of(o, init.n_vocab);
        const int32_t grammar = int_field(o, "grammar", 0, INT32_MAX);
        init.grammar = m.grammars.find(grammar);
        if (grammar != 0 && !init.grammar) {
            throw Error("invalid_argument", "no such grammar: " + std::to_string(grammar));
        }
        init.is_grammar_optional = o.Get("isGrammarOptional").ToBoolean();
        check_idle();
        return Napi::Number::New(info.Env(), m.samplers.create(std::move(init)));
    });
}

Napi::Value NativeModel::free_sampler(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        Model & m = live();
        check_idle();
        if (!info[0].IsNumber() || !m.samplers.release(info[0].As<Napi::Number>().Int32Value())) {
            throw Error("invalid_argument", "no such sampler");
        }
        return info.Env().Undefined();
    });
}

Napi::Value NativeModel::count_allowed(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        Model & m = live();
        check_idle();
        const SamplerState & state = sampler_argument(info);
        const auto view = array_value<int32_t>(info[1], "tokenIds");
        const std::vector<int32_t> ids(view.data, view.data + view.size);
        check_ids(ids, m.n_vocab);
        const int32_t n = state.matcher ? state.matcher->count_allowed(ids) : (int32_t) ids.size();
        return Napi::Number::New(info.Env(), n);
    });
}

Napi::Value NativeModel::forced_tokens(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        live();
        check_idle();
        SamplerState & state = sampler_argument(info);
        const size_t   max   = std::min<size_t>(optional_count_argument(info, 1), MAX_FORCED);
        return to_typed_array(info.Env(), state.matcher ? state.matcher->forced(max) : std::vector<int32_t>());
    });
}

SamplerState & NativeModel::sampler_argument(const Napi::CallbackInfo & info) {
    SamplerState * state = info[0].IsNumber() ? model->samplers.find(info[0].As<Napi::Number>().Int32Value()) : nullptr;
    if (!state) {
        throw Error("invalid_argument", "no such sampler");
    }
    return *state;
}

void NativeModel::check_idle() const {
    if (in_flight) {
        throw Error("busy", "a step is in flight");
    }
    if (is_changing) {
        throw Error("busy", "a sleep or a wake-up is in progress");
    }
}

// Allowed during a step, since it reads only the file and data that never change.
Napi::Value NativeModel::check_reload(const Napi::CallbackInfo & info) {
    return rejecting(info.Env(), [&]() -> Napi::Value {
        live();
        return PromiseWorker<bool>::start(
            info.Env(), [m = model] { m->check_reload(); return true; },
            [](Napi::Env env, bool &) -> Napi::Value { return env.Undefined(); });
    });
}

Napi::Value NativeModel::sleep(const Napi::CallbackInfo & info) {
    return rejecting(info.Env(), [&]() -> Napi::Value {
        const std::string weights = string_argument(info, 0);
        if (weights != "keep" && weights != "copy" && weights != "drop") {
            throw Error("invalid_argument", "weights must be keep, copy or drop");
        }
        const auto kept = weights == "keep" ? SleepingWeights::keep : weights == "copy" ? SleepingWeights::copy : SleepingWeights::drop;
        return change(info, [kept](Model & m) { m.sleep(kept); });
    });
}

Napi::Value NativeModel::wake_weights(const Napi::CallbackInfo & info) {
    return rejecting(info.Env(), [&]() -> Napi::Value { return change(info, [](Model & m) { m.wake_weights(); }); });
}

Napi::Value NativeModel::wake_kv_cache(const Napi::CallbackInfo & info) {
    return rejecting(info.Env(), [&]() -> Napi::Value { return change(info, [](Model & m) { m.wake_kv_cache(); }); });
}

Napi::Value NativeModel::change(const Napi::CallbackInfo & info, std::function<void(Model &)> operation) {
    live();
    check_idle();
    is_changing = true;
    idle_queue->set_busy();
    Ref(); // keeps this object alive until the change is done
    return PromiseWorker<bool>::start(
        info.Env(), [m = model, operation = std::move(operation)] { operation(*m); return true; },
        [](Napi::Env env, bool &) -> Napi::Value { return env.Undefined(); },
        [this, env = Napi::Env(info.Env())] {
            is_changing = false;
            idle_queue->set_idle();
            dispose_if_asked(env);
            Unref();
        });
}

Napi::Value NativeModel::step(const Napi::CallbackInfo & info) {
    const auto deferred = Napi::Promise::Deferred::New(info.Env());
    try {
        Model & m = live();
        check_idle();
        if (!m.pass) {
            throw Error("asleep", "the model is asleep");
        }
        const Napi::Object output = object_argument(info, 1);
        read_step_batch(object_argument(info, 0), batch);
        batch.validate(m.limits(), m.samplers);
        m.adapters->check(batch.adapter_slots);
        check_step_output(output, batch.rows);
        begin_step(output, deferred);
    } catch (const Napi::Error &) {
        throw;
    } catch (...) {
        deferred.Reject(to_js_error(info.Env(), current_error()).Value());
    }
    return deferred.Promise();
}

void NativeModel::begin_step(Napi::Object output, Napi::Promise::Deferred deferred) {
    in_flight.reset(new StepInFlight{ deferred, Napi::Persistent(output), {}, {}, DraftFault::none, std::nullopt });
    idle_queue->set_busy();
    Ref(); // keeps this object alive until the step is done
    step_done.Ref(Env());
    StepInFlight & step = *in_flight;
    model->thread->submit([this, &step] {
        try {
            step.timings = model->step(batch, step.results, step.draft_fault);
        } catch (...) {
            step.failure = current_error();
        }
        computed.give();
        // napi_closing means that the environment is going away, so there is nothing left to notify
        step_done.NonBlockingCall();
    });
}

void NativeModel::on_step_done(Napi::Env env, Napi::Function, NativeModel * model, void *) {
    if (env != nullptr) {
        model->computed.take();
        reporting_to_js([&] { model->finish_step(env); });
    }
}

void NativeModel::finish_step(Napi::Env env) {
    Napi::HandleScope scope(env);
    const auto step = std::move(in_flight);
    step_done.Unref(env);
    reporting_to_js([&] { idle_queue->set_idle(); });
    reporting_to_js([&] { settle_step(env, *step); });
    reporting_to_js([&] { dispose_if_asked(env); });
    Unref();
}

void NativeModel::settle_step(Napi::Env env, StepInFlight & step) {
    try {
        if (step.failure) {
            throw *step.failure;
        }
        write_step_output(step.output.Value(), step.results, step.timings, step.draft_fault);
        step.deferred.Resolve(env.Undefined());
    } catch (...) {
        step.deferred.Reject(to_js_error(env, current_error()).Value());
    }
}

void NativeModel::dispose_if_asked(Napi::Env env) {
    if (disposing) {
        const auto waiting = std::move(disposing);
        close();
        waiting->Resolve(env.Undefined());
    }
}

Napi::Value NativeModel::dispose(const Napi::CallbackInfo & info) {
    if (disposing) {
        return disposing->Promise();
    }
    const auto deferred = Napi::Promise::Deferred::New(info.Env());
    if (in_flight || is_changing) {
        disposing = std::make_unique<Napi::Promise::Deferred>(deferred);
    } else {
        close();
        deferred.Resolve(info.Env().Undefined());
    }
    return deferred.Promise();
}

} // namespace pagoda

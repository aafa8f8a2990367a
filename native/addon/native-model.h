// The JS class NativeModel, which reads arguments, runs one step at a time and settles promises. Used on the JS
// thread; the step thread reports back through one thread-safe function.
#pragma once

#include "addon/handoff.h"
#include "addon/idle-queue.h"
#include "model/model.h"

#include <napi.h>

namespace pagoda {

class NativeModel : public Napi::ObjectWrap<NativeModel> {
public:
    static Napi::FunctionReference define(Napi::Env env);
    // Wraps a loaded model. JS code cannot construct a NativeModel itself.
    static Napi::Object create(Napi::Env env, std::shared_ptr<Model> model);

    explicit NativeModel(const Napi::CallbackInfo & info);
    ~NativeModel() override;

private:
    struct StepInFlight;

    static void on_step_done(Napi::Env env, Napi::Function, NativeModel * model, void *);
    using StepDone = Napi::TypedThreadSafeFunction<NativeModel, void, on_step_done>;

    Napi::Value info(const Napi::CallbackInfo & info);
    Napi::Value vocabulary(const Napi::CallbackInfo & info);
    Napi::Value memory(const Napi::CallbackInfo & info);
    Napi::Value tokenize(const Napi::CallbackInfo & info);
    Napi::Value tokenize_now(const Napi::CallbackInfo & info);
    Napi::Value detokenize(const Napi::CallbackInfo & info);
    Napi::Value apply_chat_template(const Napi::CallbackInfo & info);
    Napi::Value tokenize_chat(const Napi::CallbackInfo & info);
    Napi::Value compile_grammar(const Napi::CallbackInfo & info);
    Napi::Value free_grammar(const Napi::CallbackInfo & info);
    Napi::Value create_sampler(const Napi::CallbackInfo & info);
    Napi::Value free_sampler(const Napi::CallbackInfo & info);
    Napi::Value count_allowed(const Napi::CallbackInfo & info);
    Napi::Value forced_tokens(const Napi::CallbackInfo & info);
    SamplerState & sampler_argument(const Napi::CallbackInfo & info); // argument 0; throws Error "invalid_argument"
    Napi::Value load_adapter(const Napi::CallbackInfo & info);
    Napi::Value unload_adapter(const Napi::CallbackInfo & info);
    Napi::Value check_reload(const Napi::CallbackInfo & info);
    Napi::Value sleep(const Napi::CallbackInfo & info);
    Napi::Value wake_weights(const Napi::CallbackInfo & info);
    Napi::Value wake_kv_cache(const Napi::CallbackInfo & info);
    Napi::Value step(const Napi::CallbackInfo & info);
    Napi::Value dispose(const Napi::CallbackInfo & info);

    Model & live(); // throws Error "disposed"
    void    check_idle() const; // throws Error "busy"
    // Runs `operation` off the JS thread. No other code may use the model until it is done.
    Napi::Value change(const Napi::CallbackInfo & info, std::function<void(Model &)> operation);
    void    dispose_if_asked(Napi::Env env);
    void    begin_step(Napi::Object output, Napi::Promise::Deferred deferred);
    void    finish_step(Napi::Env env);
    void    settle_step(Napi::Env env, StepInFlight & step);
    void    close();

    std::shared_ptr<Model>                     model;
    std::shared_ptr<IdleQueue>                 idle_queue = std::make_shared<IdleQueue>();
    StepBatch                                  batch;
    std::unique_ptr<StepInFlight>              in_flight;
    std::unique_ptr<Napi::Promise::Deferred>   disposing; // pending while a step or change is in progress
    StepDone                                   step_done;
    Handoff                                    computed; // hands a finished step to the JS thread
    bool                                       has_step_done = false;
    bool                                       is_changing   = false; // a sleep or a wake-up is in progress
};

} // namespace pagoda

// The calls that load and unload adapters. Files are read on a worker. The JS thread then puts the adapter into its
// slot between two steps, which takes microseconds.

#include "addon/native-model.h"

#include "adapters/adapter-table.h"
#include "addon/napi-args.h"
#include "addon/promise-worker.h"

namespace pagoda {

namespace {

using AdapterPtr = std::shared_ptr<const Adapter>;

int32_t slot_argument(const Napi::CallbackInfo & info, size_t i, const AdapterTable & adapters) {
    const size_t slot = optional_count_argument(info, i);
    if (slot >= (size_t) adapters.num_slots()) {
        throw Error("invalid_argument", "the slot must be in [0, maxAdapters), which is " + std::to_string(adapters.num_slots()));
    }
    return (int32_t) slot;
}

template <class T> Napi::Array to_array(Napi::Env env, const std::vector<T> & values) {
    Napi::Array array = Napi::Array::New(env, values.size());
    for (uint32_t i = 0; i < values.size(); ++i) {
        array.Set(i, values[i]);
    }
    return array;
}

Napi::Object info_to_js(Napi::Env env, const AdapterInfo & info) {
    Napi::Object o = Napi::Object::New(env);
    o.Set("name", info.name);
    o.Set("architecture", info.architecture);
    o.Set("rank", info.rank);
    o.Set("alpha", info.alpha);
    o.Set("targets", to_array(env, info.targets));
    o.Set("invocationTokens", to_array(env, info.invocation_tokens));
    o.Set("sizeBytes", (double) info.size_bytes);
    return o;
}

// Frees an adapter on a worker, since returning a large amount of memory to the system takes time.
void free_on_worker(Napi::Env env, AdapterPtr adapter) {
    if (adapter) {
        PromiseWorker<bool>::start(env, [adapter = std::move(adapter)]() mutable { adapter.reset(); return true; },
                                   [](Napi::Env e, bool &) -> Napi::Value { return e.Undefined(); });
    }
}

} // namespace

Napi::Value NativeModel::load_adapter(const Napi::CallbackInfo & info) {
    return rejecting(info.Env(), [&]() -> Napi::Value {
        Model & m = live();
        const std::string path = string_argument(info, 0);
        const int32_t     slot = slot_argument(info, 1, *m.adapters);
        const auto install = [m = model, queue = idle_queue, slot](Napi::Env env, AdapterPtr & adapter) -> Napi::Value {
            const auto deferred = Napi::Promise::Deferred::New(env);
            queue->run([=] {
                Napi::HandleScope scope(env);
                free_on_worker(env, m->adapters->install(slot, adapter));
                deferred.Resolve(info_to_js(env, adapter->info));
            });
            return deferred.Promise();
        };
        return PromiseWorker<AdapterPtr>::start(info.Env(), [m = model, path] { return m->read_adapter(path); }, install);
    });
}

Napi::Value NativeModel::unload_adapter(const Napi::CallbackInfo & info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        Model & m = live();
        const int32_t slot = slot_argument(info, 0, *m.adapters);
        check_idle();
        free_on_worker(info.Env(), m.adapters->install(slot, nullptr));
        return info.Env().Undefined();
    });
}

} // namespace pagoda

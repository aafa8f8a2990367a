// Runs a function off the JS thread and settles a promise with its result. The function captures its
// inputs by value and does not touch JS.
#pragma once

#include "addon/handoff.h"
#include "addon/napi-args.h"

#include <functional>
#include <memory>
#include <optional>

namespace pagoda {

template <class T> class PromiseWorker : public Napi::AsyncWorker {
public:
    using Compute = std::function<T()>;
    using Convert = std::function<Napi::Value(Napi::Env, T &)>;

    // settling: a function that is called on the JS thread right before the promise is resolved or rejected.
    static Napi::Value start(Napi::Env env, Compute compute, Convert convert, std::function<void()> settling = [] {}) {
        auto * worker = new PromiseWorker(env, std::move(compute), std::move(convert), std::move(settling));
        auto promise  = worker->deferred.Promise();
        worker->queued.give();
        worker->Queue();
        return promise;
    }

protected:
    void Execute() override {
        queued.take();
        try {
            result = std::make_unique<T>(compute());
        } catch (...) {
            failure = current_error();
        }
        computed.give();
    }

    void OnOK() override {
        computed.take();
        Napi::HandleScope scope(Env());
        reporting_to_js([&] { settling(); });
        reporting_to_js([&] { settle(); });
    }

private:
    void settle() {
        if (failure) {
            deferred.Reject(to_js_error(Env(), *failure).Value());
            return;
        }
        try {
            deferred.Resolve(convert(Env(), *result));
        } catch (const Napi::Error & e) {
            deferred.Reject(e.Value());
        }
    }

    PromiseWorker(Napi::Env env, Compute c, Convert v, std::function<void()> s)
        : Napi::AsyncWorker(env), compute(std::move(c)), convert(std::move(v)), settling(std::move(s)), deferred(Napi::Promise::Deferred::New(env)) {}

    Compute                     compute;
    Convert                     convert;
    std::function<void()>       settling;
    std::unique_ptr<T>          result;
    std::optional<Error>        failure;
    Napi::Promise::Deferred     deferred;
    Handoff                     queued, computed;
};

} // namespace pagoda

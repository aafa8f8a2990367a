// Reads arguments from JS, with checks that throw Error "invalid_argument", and turns every C++ exception at the
// boundary into a JS error with `code` and `status`.
#pragma once

#include "error-codes.h"

#include <napi.h>

#include <new>
#include <string>
#include <vector>

namespace pagoda {

inline Napi::Error to_js_error(Napi::Env env, const Error & e) {
    Napi::Error error = Napi::Error::New(env, e.what());
    error.Set("code", Napi::String::New(env, e.code));
    if (e.status != 0) {
        error.Set("status", Napi::Number::New(env, e.status));
    }
    return error;
}

// Returns the exception being handled as an Error. Must be called only inside a catch block.
inline Error current_error() {
    try {
        throw;
    } catch (const Error & e) {
        return e;
    } catch (const std::bad_alloc &) {
        return Error("out_of_memory", "out of memory");
    } catch (const std::exception & e) {
        return Error("internal", e.what());
    } catch (...) {
        return Error("internal", "unknown C++ exception");
    }
}

// Runs the body of an exported function. JS errors pass through; C++ exceptions are translated.
template <class F>
Napi::Value guarded(Napi::Env env, F && body) {
    try {
        return body();
    } catch (const Napi::Error &) {
        throw;
    } catch (...) {
        throw to_js_error(env, current_error());
    }
}

// Like guarded(), for a function that returns a promise: C++ exceptions reject the promise.
template <class F>
Napi::Value rejecting(Napi::Env env, F && body) {
    try {
        return body();
    } catch (const Napi::Error &) {
        throw;
    } catch (...) {
        const auto deferred = Napi::Promise::Deferred::New(env);
        deferred.Reject(to_js_error(env, current_error()).Value());
        return deferred.Promise();
    }
}

// Runs code that reports a completion to JS, on the JS thread and outside any call from JS. Drops JS errors: while an environment is being
// torn down, such as that of a terminated worker, JS accepts no calls. At that point, no code is waiting for the result, and an exception
// would crash the process with all its other environments.
template <class F>
void reporting_to_js(F && body) {
    try {
        body();
    } catch (const Napi::Error &) {
    }
}

inline Napi::Object object_argument(const Napi::CallbackInfo & info, size_t i) {
    if (!info[i].IsObject()) {
        throw Error("invalid_argument", "argument " + std::to_string(i) + " must be an object");
    }
    return info[i].As<Napi::Object>();
}

inline std::string string_argument(const Napi::CallbackInfo & info, size_t i) {
    if (!info[i].IsString()) {
        throw Error("invalid_argument", "argument " + std::to_string(i) + " must be a string");
    }
    return info[i].As<Napi::String>().Utf8Value();
}

inline bool bool_argument(const Napi::CallbackInfo & info, size_t i) {
    if (!info[i].IsBoolean()) {
        throw Error("invalid_argument", "argument " + std::to_string(i) + " must be a boolean");
    }
    return info[i].As<Napi::Boolean>().Value();
}

// Reads an optional whole number; SIZE_MAX if absent.
inline size_t optional_count_argument(const Napi::CallbackInfo & info, size_t i) {
    if (info[i].IsUndefined()) {
        return SIZE_MAX;
    }
    const double d = info[i].IsNumber() ? info[i].As<Napi::Number>().DoubleValue() : -1;
    if (!(d >= 0 && d <= INT32_MAX) || d != (double) (size_t) d) {
        throw Error("invalid_argument", "argument " + std::to_string(i) + " must be a whole number");
    }
    return (size_t) d;
}

inline std::string string_field(const Napi::Object & o, const char * name) {
    const Napi::Value v = o.Get(name);
    if (!v.IsString()) {
        throw Error("invalid_argument", std::string(name) + " must be a string");
    }
    return v.As<Napi::String>().Utf8Value();
}

// Reads an integer in [low, high].
inline int32_t int_field(const Napi::Object & o, const char * name, int32_t low, int32_t high) {
    const Napi::Value v = o.Get(name);
    const double d = v.IsNumber() ? v.As<Napi::Number>().DoubleValue() : 0.5;
    if (d != (double) (int64_t) d || d < low || d > high) {
        throw Error("invalid_argument", std::string(name) + " must be an integer in [" + std::to_string(low) + ", " + std::to_string(high) + "]");
    }
    return (int32_t) d;
}

template <class T> constexpr napi_typedarray_type typed_array_type();
template <> constexpr napi_typedarray_type typed_array_type<int32_t>() { return napi_int32_array; }
template <> constexpr napi_typedarray_type typed_array_type<uint32_t>() { return napi_uint32_array; }
template <> constexpr napi_typedarray_type typed_array_type<float>() { return napi_float32_array; }
template <> constexpr napi_typedarray_type typed_array_type<double>() { return napi_float64_array; }
template <> constexpr napi_typedarray_type typed_array_type<uint8_t>() { return napi_uint8_array; }

// The memory of a typed array, which is valid until control returns to JS.
template <class T> struct View {
    T *    data;
    size_t size;
};

template <class T> View<T> array_value(const Napi::Value & v, const char * name) {
    if (!v.IsTypedArray() || v.As<Napi::TypedArray>().TypedArrayType() != typed_array_type<T>()) {
        throw Error("invalid_argument", std::string(name) + " must be a typed array of the right type");
    }
    auto array = v.As<Napi::TypedArrayOf<T>>();
    return { array.Data(), array.ElementLength() };
}

// Reads a typed array field with at least `size` elements.
template <class T> View<T> array_field(const Napi::Object & o, const char * name, size_t size = 0) {
    const View<T> view = array_value<T>(o.Get(name), name);
    if (view.size < size) {
        throw Error("invalid_argument", std::string(name) + " has fewer elements than its count");
    }
    return view;
}

template <class T> std::vector<T> copy_field(const Napi::Object & o, const char * name) {
    const View<T> view = array_field<T>(o, name);
    return std::vector<T>(view.data, view.data + view.size);
}

template <class T> Napi::TypedArrayOf<T> to_typed_array(Napi::Env env, const std::vector<T> & values) {
    auto array = Napi::TypedArrayOf<T>::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

} // namespace pagoda

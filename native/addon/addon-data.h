// Data for one JS environment: the class and the models created in it. Several environments can load the addon; they
// share no data.
#pragma once

#include "model/model.h"

#include <napi.h>

#include <memory>
#include <vector>

namespace pagoda {

struct AddonData {
    Napi::FunctionReference           native_model;
    std::vector<std::weak_ptr<Model>> models;

    // Joins every step thread, since no native thread may outlive the environment.
    void stop() {
        for (auto & weak : models) {
            if (auto model = weak.lock()) {
                model->stop();
            }
        }
    }
};

inline AddonData & addon_data(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

// Converts the header to a ModelHeader; see src/protocol/model-info.ts.
Napi::Object header_to_js(Napi::Env env, const ModelHeader & header);

} // namespace pagoda

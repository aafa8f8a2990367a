// Caches the templates most recently sent in requests, since a client that sends a template usually sends it every
// time. Thread-safe.
#pragma once

#include "text/jinja-template.h"

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace pagoda {

class RecentTemplates {
public:
    // Throws the same errors as JinjaTemplate's constructor, and Error "template_limit" for text longer than 256
    // KiB.
    std::shared_ptr<const JinjaTemplate> parse(const std::string & text);

private:
    using Entry = std::pair<std::string, std::shared_ptr<const JinjaTemplate>>;

    std::mutex       mutex;
    std::list<Entry> entries; // at most 8, most recent first
};

} // namespace pagoda

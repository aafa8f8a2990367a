// Keeps the last few parsed templates of requests: a client that sends one sends it with every request.
// Thread-safe.
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
    // Throws what JinjaTemplate's constructor throws, and Error "template_limit" for more than 256 KiB.
    std::shared_ptr<const JinjaTemplate> parse(const std::string & text);

private:
    using Entry = std::pair<std::string, std::shared_ptr<const JinjaTemplate>>;

    std::mutex       mutex;
    std::list<Entry> entries; // at most 8, the most recent in front
};

} // namespace pagoda

// The list is short enough for a linear search. Parsing happens outside the lock.

#include "text/recent-templates.h"

#include "error-codes.h"

#include <algorithm>

namespace pagoda {

namespace {

constexpr size_t MAX_ENTRIES    = 8;
constexpr size_t MAX_TEXT_BYTES = 256u << 10;

} // namespace

std::shared_ptr<const JinjaTemplate> RecentTemplates::parse(const std::string & text) {
    if (text.size() > MAX_TEXT_BYTES) {
        throw Error("template_limit", "the chat template is longer than 256 KiB");
    }
    {
        const std::lock_guard<std::mutex> lock(mutex);
        const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry & entry) { return entry.first == text; });
        if (found != entries.end()) {
            entries.splice(entries.begin(), entries, found);
            return entries.front().second;
        }
    }
    auto parsed = std::make_shared<const JinjaTemplate>(text);
    const std::lock_guard<std::mutex> lock(mutex);
    entries.emplace_front(text, parsed);
    if (entries.size() > MAX_ENTRIES) {
        entries.pop_back();
    }
    return parsed;
}

} // namespace pagoda

// Collects loops and assignments with the Jinja engine's visitor, then applies vLLM's rules to them.

#include "text/template-content.h"

#include "jinja/runtime.h"

#include <algorithm>
#include <string>
#include <vector>

namespace pagoda {

namespace {

using Names = std::vector<std::string>;

struct Loops {
    std::vector<const jinja::for_statement *> loops;
    std::vector<const jinja::set_statement *> assignments;
};

Loops find_loops(const jinja::program & program) {
    Loops          found;
    jinja::context context;
    context.visitor = [&](bool, const jinja::statement * node, std::vector<jinja::visitor_pair> children) {
        if (const auto * loop = dynamic_cast<const jinja::for_statement *>(node)) {
            found.loops.push_back(loop);
        } else if (const auto * set = dynamic_cast<const jinja::set_statement *>(node)) {
            found.assignments.push_back(set);
        }
        for (auto & [label, nodes] : children) {
            for (const jinja::statement * child : nodes) {
                if (child != nullptr) {
                    child->visit(context);
                }
            }
        }
    };
    for (const auto & statement : program.body) {
        statement->visit(context);
    }
    return found;
}

const jinja::identifier * as_name(const jinja::statement_ptr & node) {
    return jinja::cast_stmt<jinja::identifier>(node);
}

bool is_name(const jinja::statement_ptr & node, const std::string & name) {
    const auto * identifier = as_name(node);
    return identifier != nullptr && identifier->val == name;
}

bool is_key(const jinja::member_expression & member, const std::string & key) {
    if (!member.computed) {
        return is_name(member.property, key);
    }
    const auto * text = jinja::cast_stmt<jinja::string_literal>(member.property);
    return text != nullptr && text->val == key;
}

// True if the node reads the variable, or the variable's key if one is given, directly or through filters, tests and slices.
bool reads(const jinja::statement_ptr & node, const std::string & name, const std::string & key = "") {
    if (const auto * filter = jinja::cast_stmt<jinja::filter_expression>(node)) {
        return reads(filter->operand, name, key);
    }
    if (const auto * test = jinja::cast_stmt<jinja::test_expression>(node)) {
        return reads(test->operand, name, key);
    }
    const auto * member = jinja::cast_stmt<jinja::member_expression>(node);
    if (member != nullptr && jinja::is_stmt<jinja::slice_expression>(member->property)) {
        return reads(member->object, name, key);
    }
    if (key.empty()) {
        return is_name(node, name);
    }
    return member != nullptr && is_key(*member, key) && is_name(member->object, name);
}

bool goes_through(const jinja::for_statement & loop, const Names & names, const std::string & key = "") {
    const auto * selection = jinja::cast_stmt<jinja::select_expression>(loop.iterable); // for a in b if c
    const auto & iterable  = selection != nullptr ? selection->lhs : loop.iterable;
    return std::any_of(names.begin(), names.end(), [&](const std::string & name) { return reads(iterable, name, key); });
}

} // namespace

bool loops_over_content(const jinja::program & program) {
    const Loops found = find_loops(program);
    Names       lists = { "messages" };
    for (size_t i = 0; i < lists.size(); ++i) {
        for (const auto * set : found.assignments) {
            if (set->val == nullptr || !reads(set->val, lists[i])) {
                continue;
            }
            const auto * target = as_name(set->assignee);
            if (target == nullptr) {
                return false; // vLLM passes strings if its detection fails
            }
            if (std::find(lists.begin(), lists.end(), target->val) == lists.end()) {
                lists.push_back(target->val);
            }
        }
    }
    Names messages;
    for (const auto * loop : found.loops) {
        if (goes_through(*loop, lists)) {
            if (as_name(loop->loopvar) == nullptr) {
                return false;
            }
            messages.push_back(as_name(loop->loopvar)->val);
        }
    }
    return std::any_of(found.loops.begin(), found.loops.end(),
                       [&](const auto * loop) { return goes_through(*loop, messages, "content"); });
}

} // namespace pagoda

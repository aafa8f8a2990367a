// Follows vLLM 0.13's chat_utils: _parse_chat_message_content and _postprocess_messages.

#include "text/chat-messages.h"

#include "error-codes.h"
#include "text/jinja-template.h"

#include <algorithm>
#include <string>
#include <vector>

namespace pagoda {

namespace {

constexpr int    MAX_JSON_DEPTH = 100;
constexpr size_t MAX_MESSAGES   = 2048;
constexpr size_t MAX_MEMBERS    = 1024; // an ordered object compares each new member with all earlier ones

[[noreturn]] void refuse(const std::string & message) {
    throw Error("template_error", message);
}

struct JsonShape {
    int    depth       = 0; // deepest nesting of brackets outside strings
    size_t num_members = 0; // members in the largest object
};

// Scans without recursion.
JsonShape json_shape(const std::string & json) {
    JsonShape           shape;
    std::vector<size_t> open; // number of members in each open bracket
    bool                in_string = false;
    for (size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            open.push_back(0);
            shape.depth = std::max(shape.depth, (int) open.size());
        } else if (c == ':' && !open.empty()) {
            shape.num_members = std::max(shape.num_members, ++open.back());
        } else if ((c == ']' || c == '}') && !open.empty()) {
            open.pop_back();
        }
    }
    return shape;
}

// Returns null if the member is missing.
const common_json & field(const common_json & object, const char * name) {
    static const common_json none;
    return object.contains(name) ? object.at(name) : none;
}

std::string part_text(const common_json & part) {
    if (part.is_string()) {
        return part.get<std::string>();
    }
    if (!part.is_object() || !field(part, "text").is_string()) {
        refuse("a content part of a message has no text");
    }
    return part.at("text").get<std::string>();
}

std::vector<std::string> content_texts(const common_json & content) {
    std::vector<std::string> texts;
    if (content.is_string()) {
        texts.push_back(content.get<std::string>());
    } else if (content.is_array()) {
        for (const auto & part : content) {
            texts.push_back(part_text(part));
        }
    } else if (!content.is_null()) {
        refuse("the content of a message must be text or a list of parts");
    }
    return texts;
}

common_json parts_of(const std::vector<std::string> & texts) {
    common_json parts = common_json::array();
    for (const std::string & text : texts) {
        parts.push_back(common_json::object({ { "type", "text" }, { "text", text } }));
    }
    return parts;
}

// Joins the parts, one per line, skipping empty parts.
std::string lines_of(const std::vector<std::string> & texts) {
    std::string lines;
    for (const std::string & text : texts) {
        if (!text.empty()) {
            lines += (lines.empty() ? "" : "\n") + text;
        }
    }
    return lines;
}

common_json parse_arguments(const common_json & arguments) {
    if (arguments.is_object() || arguments.is_array()) {
        return arguments;
    }
    const std::string text = arguments.is_string() ? arguments.get<std::string>() : "";
    if (text.empty()) {
        return common_json::object();
    }
    check_json_shape(text, "the arguments of a tool call");
    try {
        return common_json::parse_exact(text);
    } catch (const std::exception & e) {
        refuse("the arguments of a tool call are not JSON: " + plain_message(e.what()));
    }
}

common_json template_calls(const common_json & calls) {
    common_json result = common_json::array();
    for (const auto & call : calls) {
        if (!call.is_object() || !field(call, "function").is_object()) {
            refuse("a tool call has no function");
        }
        common_json copy = call;
        copy["function"]["arguments"] = parse_arguments(field(call.at("function"), "arguments"));
        result.push_back(copy);
    }
    return result;
}

void add_assistant_fields(const common_json & message, common_json & result) {
    const common_json & calls = field(message, "tool_calls");
    if (calls.is_array() && !calls.empty()) {
        result["tool_calls"] = template_calls(calls);
    }
    for (const char * name : { "reasoning", "reasoning_content" }) {
        const common_json & reasoning = field(message, name);
        if (reasoning.is_string() && !reasoning.get<std::string>().empty()) {
            result["reasoning"]         = reasoning;
            result["reasoning_content"] = reasoning;
            return;
        }
    }
}

common_json template_message(const common_json & message, bool as_parts) {
    if (!message.is_object()) {
        refuse("a message must be an object");
    }
    if (!field(message, "role").is_string()) {
        refuse("a message has no role");
    }
    const std::string role  = message.at("role").get<std::string>();
    const auto        texts = content_texts(field(message, "content"));
    common_json       result = common_json::object();
    result["role"] = role;
    if (as_parts) {
        result["content"] = parts_of(texts);
    } else {
        result["content"] = lines_of(texts);
    }
    if (role == "assistant") {
        add_assistant_fields(message, result);
    }
    if (role == "tool" && message.contains("tool_call_id")) {
        result["tool_call_id"] = message.at("tool_call_id");
    }
    if (field(message, "name").is_string()) {
        result["name"] = message.at("name");
    }
    return result;
}

} // namespace

void check_json_shape(const std::string & json, const char * what) {
    const JsonShape shape = json_shape(json);
    if (shape.depth > MAX_JSON_DEPTH) {
        throw Error("template_limit", std::string(what) + " are nested deeper than 100 levels");
    }
    if (shape.num_members > MAX_MEMBERS) {
        throw Error("template_limit", std::string(what) + " contain an object with more than 1024 members");
    }
}

common_json template_messages(const common_json & messages, bool as_parts) {
    if (!messages.is_array()) {
        refuse("messages must be an array");
    }
    if (messages.empty()) {
        refuse("messages must not be empty");
    }
    if (messages.size() > MAX_MESSAGES) {
        throw Error("template_limit", "there are more than 2048 messages");
    }
    common_json result = common_json::array();
    for (const auto & message : messages) {
        result.push_back(template_message(message, as_parts));
    }
    return result;
}

} // namespace pagoda

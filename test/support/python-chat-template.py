"""Renders chats with Jinja2 by transformers' rules. Reads and writes one line of JSON per request.

Matches render_jinja_template in transformers 4.57, with which it was compared. Includes vLLM's
preprocessing of messages: content in the format that vLLM detects for the template, and call arguments
as objects.
"""

import copy
import functools
import json
import sys
from datetime import datetime

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

TAG = "CONTINUE_FINAL_MESSAGE_TAG "


class Generation(Extension):
    """{% generation %} marks assistant output; it prints its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def make_environment():
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


ENVIRONMENT = make_environment()


def reads(node, name, key=None):
    """Whether the node reads the variable, or its key, through any filters, tests, and slices."""
    if isinstance(node, (nodes.Filter, nodes.Test)):
        return node.node is not None and reads(node.node, name, key)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
        return reads(node.node, name, key)
    if key is None:
        return isinstance(node, nodes.Name) and node.ctx == "load" and node.name == name
    if isinstance(node, nodes.Getitem):
        is_key = isinstance(node.arg, nodes.Const) and node.arg.value == key
    else:
        is_key = isinstance(node, nodes.Getattr) and node.attr == key
    return is_key and reads(node.node, name)


def name_of(target):
    if not isinstance(target, nodes.Name):
        raise TypeError("not a plain variable")
    return target.name


def message_lists(tree):
    """Names of variables assigned from the messages, as in vLLM's _iter_nodes_assign_var_or_elems."""
    found, open_names = ["messages"], ["messages"]
    while open_names:
        name = open_names.pop(0)
        for assignment in tree.find_all(nodes.Assign):
            if reads(assignment.node, name):
                target = name_of(assignment.target)
                found.append(target)
                if target != name:
                    open_names.append(target)
    return found


@functools.cache
def content_format(template):
    """Like vLLM's _detect_content_format: looks for a loop over the content of a looped-over message."""
    tree = ENVIRONMENT.parse(template)
    try:
        lists = message_lists(tree)
        loops = list(tree.find_all(nodes.For))
        messages = [
            name_of(loop.target) for loop in loops if any(reads(loop.iter, name) for name in lists)
        ]
        is_openai = any(reads(loop.iter, name, "content") for loop in loops for name in messages)
    except TypeError:
        is_openai = False
    return "openai" if is_openai else "string"


def normalized(message, form):
    content = message.get("content")
    parts = [] if content is None else [content] if isinstance(content, str) else content
    texts = [part if isinstance(part, str) else part["text"] for part in parts]
    if form == "openai":
        content = [{"type": "text", "text": text} for text in texts]
    else:
        content = "\n".join(text for text in texts if text)
    result = {"role": message["role"], "content": content}
    if message["role"] == "assistant":
        if message.get("tool_calls"):
            result["tool_calls"] = [with_object(call) for call in message["tool_calls"]]
        reasoning = message.get("reasoning") or message.get("reasoning_content")
        if reasoning is not None:
            result["reasoning"] = result["reasoning_content"] = reasoning
    if message["role"] == "tool" and "tool_call_id" in message:
        result["tool_call_id"] = message["tool_call_id"]
    if isinstance(message.get("name"), str):
        result["name"] = message["name"]
    return result


def with_object(call):
    call = copy.deepcopy(call)
    arguments = call["function"].get("arguments") or {}
    is_text = isinstance(arguments, str)
    call["function"]["arguments"] = json.loads(arguments) if is_text else arguments
    return call


def tagged(messages):
    """Returns the messages with the tag after the last text, and that text."""
    messages = copy.deepcopy(messages)
    last = messages[-1]
    if isinstance(last["content"], str):
        text = last["content"]
        last["content"] += TAG
        return messages, text
    for part in reversed(last["content"]):
        if "text" in part:
            text = part["text"]
            part["text"] += TAG
            return messages, text
    raise ValueError("could not find any text to continue")


def cut(rendered, text):
    if text.strip() not in rendered or TAG.strip() not in rendered:
        raise ValueError("the final message does not appear in the chat")
    at = rendered.rindex(TAG.strip())
    is_exact = rendered[at : at + len(TAG)] == TAG
    return rendered[:at] if is_exact else rendered[:at].rstrip()


compiled = functools.cache(ENVIRONMENT.from_string)


def render(text, specials, question):
    template = compiled(text)
    form = content_format(text)
    messages = [normalized(message, form) for message in question["messages"]]
    if question["continueFinalMessage"]:
        messages, text = tagged(messages)
    rendered = template.render(
        messages=messages,
        tools=question["tools"],
        documents=question["documents"],
        add_generation_prompt=question["addGenerationPrompt"],
        **{**specials, **question["kwargs"]},
    )
    return cut(rendered, text) if question["continueFinalMessage"] else rendered


def outcome(text, specials, question):
    try:
        return {"prompt": render(text, specials, question)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    text, specials, questions = json.loads(line)
    outcomes = [outcome(text, specials, question) for question in questions]
    print(json.dumps({"result": outcomes}), flush=True)

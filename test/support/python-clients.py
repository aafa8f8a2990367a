"""Calls Pagoda through the official openai and anthropic clients. Reads and writes one line of JSON per request.

The first two words of a request are the server's URL and the name of a call. Arguments are passed to the client unchanged;
the result is the object that the client assembles.
"""

import json
import sys

import anthropic
import openai
from pydantic import BaseModel


class City(BaseModel):
    city: str
    is_capital: bool


def openai_at(url):
    return openai.OpenAI(base_url=url + "/v1", api_key="k", max_retries=0, timeout=60)


def anthropic_at(url):
    return anthropic.Anthropic(base_url=url, api_key="k", max_retries=0, timeout=60)


def chat(url, request):
    return openai_at(url).chat.completions.create(**request).model_dump()


def chat_stream(url, request):
    """The assembled completion, with the deltas that led to it."""
    content, arguments = "", []
    with openai_at(url).chat.completions.stream(**request) as stream:
        for event in stream:
            if event.type == "content.delta":
                content += event.delta
            if event.type == "tool_calls.function.arguments.done":
                arguments.append(event.arguments)
        completion = stream.get_final_completion().model_dump()
    return {**completion, "content": content, "arguments": arguments}


def chat_parse(url, request):
    completion = openai_at(url).chat.completions.parse(**request, response_format=City)
    return parsed(completion.choices[0].message.parsed)


def chat_parse_tool(url, request):
    """Arguments of a strict tool that the client makes from a class and parses into it."""
    tools = [openai.pydantic_function_tool(City, name="city")]
    completion = openai_at(url).chat.completions.parse(**request, tools=tools)
    return [parsed(call.function.parsed_arguments) for call in completion.choices[0].message.tool_calls]


def responses(url, request):
    """A response, its stored copy, and a response that continues it."""
    client = openai_at(url)
    first = client.responses.create(**request)
    again = client.responses.retrieve(first.id)
    second = client.responses.create(**request, previous_response_id=first.id)
    items = client.responses.input_items.list(second.id).data
    return {"first": shown(first), "again": shown(again), "second": shown(second), "numItems": len(items)}


def responses_stream(url, request):
    types, text = [], ""
    with openai_at(url).responses.stream(**request) as stream:
        for event in stream:
            if not types or types[-1] != event.type:
                types.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
        response = stream.get_final_response()
    return {**shown(response), "types": types, "text": text}


def responses_parse(url, request):
    return parsed(openai_at(url).responses.parse(**request, text_format=City).output_parsed)


def messages(url, request):
    return anthropic_at(url).messages.create(**request).model_dump()


def messages_stream(url, request):
    with anthropic_at(url).messages.stream(**request) as stream:
        text = "".join(stream.text_stream)
        return {**stream.get_final_message().model_dump(), "text": text}


def messages_parse(url, request):
    return parsed(anthropic_at(url).messages.parse(**request, output_format=City).parsed_output)


def count_tokens(url, request):
    return anthropic_at(url).messages.count_tokens(**request).input_tokens


def parsed(value):
    """Fails unless the client made an object of the class."""
    assert isinstance(value, City), value
    return value.model_dump()


def shown(response):
    return {**response.model_dump(warnings=False), "output_text": response.output_text}


CALLS = [
    *[chat, chat_stream, chat_parse, chat_parse_tool, responses, responses_stream, responses_parse],
    *[messages, messages_stream, messages_parse, count_tokens],
]
BY_NAME = {call.__name__: call for call in CALLS}

for line in sys.stdin:
    url, call, request = json.loads(line)
    try:
        answer = {"result": BY_NAME[call](url, request)}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)

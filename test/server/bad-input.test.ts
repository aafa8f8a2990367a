// Everything that a client can get wrong ends in a 4xx with vLLM's body, and the next request works.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const messages = [{ role: "user", content: "hi" }];

type Case = [name: string, path: string, body: unknown, status: number, type: string, text: string];

// biome-ignore format: one case a line reads as a table
const CASES: Case[] = [
  ["broken JSON", CHAT, '{"messages": [', 400, "Bad Request", "json_invalid"],
  ["NaN", TEXT, '{"prompt":"x","temperature":NaN}', 400, "Bad Request", "json_invalid"],
  ["Infinity", TEXT, '{"prompt":"x","temperature":Infinity}', 400, "Bad Request", "json_invalid"],
  ["an overflowing number", TEXT, '{"prompt":"x","temperature":1e999}', 400, "Bad Request", "float_type"],
  ["an array body", CHAT, [], 400, "Bad Request", "valid dictionary"],
  ["a deep body", CHAT, "[".repeat(5000), 400, "Bad Request", "nested deeper than 64"],
  ["no messages", CHAT, {}, 400, "Bad Request", "'loc': ('body', 'messages'), 'msg': 'Field required'"],
  ["messages of a wrong type", CHAT, { messages: "hello" }, 400, "Bad Request", "list_type"],
  ["a message without a role", CHAT, { messages: [{}] }, 400, "Bad Request", "('body', 'messages', 0, 'role')"],
  ["empty messages", CHAT, { messages: [] }, 400, "BadRequestError", "messages must not be empty"],
  ["an unknown model", CHAT, { messages, model: "nope" }, 404, "NotFoundError", "The model `nope` does not exist."],
  ["a seed that is no number", CHAT, { messages, seed: "x" }, 400, "Bad Request", "int_parsing"],
  ["a fractional top_k", CHAT, { messages, top_k: 1.5 }, 400, "Bad Request", "int_from_float"],
  ["stream options of a wrong type", CHAT, { messages, stream: true, stream_options: 5 }, 400, "Bad Request", "model_attributes_type"],
  ["stream options without a stream", CHAT, { messages, stream_options: {} }, 400, "Bad Request", "Stream options can only be defined when `stream=True`."],
  ["prompt_logprobs in a stream", CHAT, { messages, stream: true, prompt_logprobs: 1 }, 400, "Bad Request", "`prompt_logprobs` are not available when `stream=True`."],
  ["top_logprobs without logprobs", CHAT, { messages, top_logprobs: 2 }, 400, "BadRequestError", "`logprobs` must be set to true"],
  ["too many top_logprobs", CHAT, { messages, logprobs: true, top_logprobs: 21 }, 400, "BadRequestError", "Requested sample logprobs of 21, which is greater than max allowed: 20"],
  ["too many logprobs", TEXT, { prompt: "x", logprobs: 50 }, 400, "BadRequestError", "Requested sample logprobs of 50, which is greater than max allowed: 20"],
  ["n = 0", TEXT, { prompt: "x", n: 0 }, 400, "BadRequestError", "n must be at least 1, got 0."],
  ["n = 10^6", TEXT, { prompt: "x", n: 1_000_000 }, 400, "BadRequestError", "n must be at most 128, got 1000000."],
  ["n > 1 and greedy", TEXT, { prompt: "x", n: 2, temperature: 0 }, 400, "BadRequestError", "n must be 1 when using greedy sampling, got 2."],
  ["a negative temperature", TEXT, { prompt: "x", temperature: -0.5 }, 400, "BadRequestError", "temperature must be non-negative, got -0.5."],
  ["top_p = 0", TEXT, { prompt: "x", top_p: 0 }, 400, "BadRequestError", "top_p must be in (0, 1], got 0.0."],
  ["top_k = -2", TEXT, { prompt: "x", top_k: -2 }, 400, "BadRequestError", "top_k must be 0 (disable), or at least 1, got -2."],
  ["min_p = 2", TEXT, { prompt: "x", min_p: 2 }, 400, "BadRequestError", "min_p must be in [0, 1], got 2.0."],
  ["a large penalty", TEXT, { prompt: "x", presence_penalty: 3 }, 400, "BadRequestError", "presence_penalty must be in [-2, 2], got 3.0."],
  ["repetition_penalty = 0", TEXT, { prompt: "x", repetition_penalty: 0 }, 400, "BadRequestError", "repetition_penalty must be greater than zero, got 0.0."],
  ["min_tokens = -1", TEXT, { prompt: "x", min_tokens: -1 }, 400, "BadRequestError", "min_tokens must be greater than or equal to 0, got -1."],
  ["min_tokens over max_tokens", TEXT, { prompt: "x", min_tokens: 9, max_tokens: 8 }, 400, "BadRequestError", "less than or equal to max_tokens=8, got 9."],
  ["max_tokens = 0", TEXT, { prompt: "x", max_tokens: 0 }, 400, "BadRequestError", "max_tokens must be at least 1, got 0."],
  ["max_tokens over the context", CHAT, { messages, max_tokens: 99999 }, 400, "BadRequestError", "'max_tokens' or 'max_completion_tokens' is too large: 99999. This model's maximum context length is 1024 tokens and your request has 21 input tokens (99999 > 1024 - 21)."],
  ["a prompt over the context", TEXT, { prompt: "x".repeat(2000) }, 400, "BadRequestError", "This model's maximum context length is 1024 tokens. However, your request has 2001 input tokens."],
  ["a prompt far over the context", CHAT, { messages: [{ role: "user", content: "x".repeat(1_000_000) }] }, 400, "BadRequestError", "maximum context length is 1024 tokens"],
  ["an empty stop string", TEXT, { prompt: "x", stop: "" }, 400, "BadRequestError", "stop cannot contain an empty string."],
  ["10^5 stop strings", TEXT, { prompt: "x", stop: Array.from({ length: 100_000 }, (_, i) => `s${i}`) }, 400, "BadRequestError", "at most 64 strings, got 100000"],
  ["no prompt", TEXT, {}, 400, "BadRequestError", "Either prompt or prompt_embeds must be provided"],
  ["no prompts", TEXT, { prompt: [] }, 400, "BadRequestError", "please provide at least one prompt"],
  ["too many prompts", TEXT, { prompt: Array(2000).fill("x") }, 400, "BadRequestError", "at most 1024 prompts"],
  ["a mixed prompt list", TEXT, { prompt: ["a", 5] }, 400, "Bad Request", "union_error"],
  ["a negative token id", TEXT, { prompt: [-5] }, 400, "BadRequestError", "Token id -5 is out of vocabulary"],
  ["a token id over the vocabulary", TEXT, { prompt: [258] }, 400, "BadRequestError", "Token id 258 is out of vocabulary"],
  ["a token id over 32 bits", TEXT, { prompt: [4294967296] }, 400, "BadRequestError", "Token id 4294967296 is out of vocabulary"],
  ["a stop token id over the vocabulary", TEXT, { prompt: "x", stop_token_ids: [300] }, 400, "BadRequestError", "Token id 300 is out of vocabulary"],
  ["no allowed token", TEXT, { prompt: "x", allowed_token_ids: [] }, 400, "BadRequestError", "allowed_token_ids is not None and empty!"],
  ["an allowed id over the vocabulary", TEXT, { prompt: "x", allowed_token_ids: [999] }, 400, "BadRequestError", "out-of-vocab token id!"],
  ["a biased id over the vocabulary", TEXT, { prompt: "x", logit_bias: { "999": 1 } }, 400, "BadRequestError", "Vocabulary size: 258"],
  ["an empty salt", TEXT, { prompt: "x", cache_salt: "" }, 400, "BadRequestError", "'cache_salt' must be a non-empty string"],
  ["a suffix", TEXT, { prompt: "x", suffix: "y" }, 400, "BadRequestError", "suffix is not currently supported"],
  ["an unknown response format", CHAT, { messages, response_format: { type: "xml" } }, 400, "Bad Request", "literal_error"],
  ["a JSON schema, not built yet", CHAT, { messages, response_format: { type: "json_schema" } }, 400, "BadRequestError", "not supported by this server yet"],
  ["beam search, not built yet", TEXT, { prompt: "x", use_beam_search: true }, 400, "BadRequestError", "Beam search are not supported"],
  ["a tool without a function", CHAT, { messages, tools: [{ type: "function" }] }, 400, "Bad Request", "('body', 'tools', 0, 'function')"],
  ["automatic tools without a parser", CHAT, { messages, tools: [{ type: "function", function: { name: "f" } }] }, 400, "BadRequestError", '"auto" tool choice requires --enable-auto-tool-choice'],
  ["a tool choice without tools", CHAT, { messages, tool_choice: "required" }, 400, "BadRequestError", "When using `tool_choice`, `tools` must be set."],
  ["a negative id to detokenize", "/detokenize", { tokens: [-1] }, 400, "Bad Request", "out of range integral type conversion"],
  ["tokenize without a prompt", "/tokenize", {}, 400, "Bad Request", "('body', 'prompt')"],
  ["a body over 8 MiB", TEXT, { prompt: "x".repeat(9 * 1024 * 1024) }, 413, "RequestEntityTooLargeError", "larger than 8388608 bytes"],
];

describe("bad input", () => {
  const { post, engine } = makeApp();

  test.each(CASES)("%s", async (_name, path, body, status, type, text) => {
    const response = await post(path, body);
    const { error } = (await response.json()) as {
      error: { message: string; type: string; param: string | null; code: number };
    };
    expect(error.message).toContain(text);
    expect({ status: response.status, type: error.type, code: error.code }).toEqual({
      status,
      type,
      code: status,
    });
    expect(error.param).not.toBeUndefined();
    expect(engine.numLiveSequences).toBe(0);
  });

  test("a wrong media type", async () => {
    const response = await post(CHAT, "{}", { "content-type": "text/plain" });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("Only 'application/json' is allowed");
  });

  test("afterwards a good request works", async () => {
    expect((await post(TEXT, { prompt: "x", unknown_field: 1 })).status).toBe(200);
    expect((await post(TEXT, { prompt: "x", max_tokens: "5", stream: "false" })).status).toBe(200);
  });
});

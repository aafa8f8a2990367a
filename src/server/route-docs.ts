// Descriptions of each route for /openapi.json: vLLM's summary, the body's schema, the parameters and the response.

import { COUNT_TOKENS_FIELDS, MESSAGES_FIELDS } from "../api/messages/schema.ts";
import { RESPONSES_FIELDS } from "../api/responses/schema.ts";
import {
  ABORT_FIELDS,
  CHAT_FIELDS,
  COMPLETION_FIELDS,
  DETOKENIZE_FIELDS,
  GENERATE_FIELDS,
  LOAD_LORA_FIELDS,
  TOKENIZE_FIELDS,
  UNLOAD_LORA_FIELDS,
} from "../api/schemas.ts";
import { SLEEP_MODES, WAKE_TAGS } from "../protocol/engine-calls.ts";

/** Body schemas, by their names in the document, which are vLLM's names wherever vLLM has one. */
export const BODIES = {
  ChatCompletionRequest: CHAT_FIELDS,
  CompletionRequest: COMPLETION_FIELDS,
  ResponsesRequest: RESPONSES_FIELDS,
  AnthropicMessagesRequest: MESSAGES_FIELDS,
  AnthropicCountTokensRequest: COUNT_TOKENS_FIELDS,
  GenerateRequest: GENERATE_FIELDS,
  TokenizeRequest: TOKENIZE_FIELDS,
  DetokenizeRequest: DETOKENIZE_FIELDS,
  AbortRequest: ABORT_FIELDS,
  LoadLoRAAdapterRequest: LOAD_LORA_FIELDS,
  UnloadLoRAAdapterRequest: UNLOAD_LORA_FIELDS,
} as const;

const MESSAGES = [{ role: "user", content: "Hello!" }];

/** Working bodies that /docs puts into its forms. */
export const EXAMPLES: Readonly<Record<keyof typeof BODIES, object>> = {
  ChatCompletionRequest: { messages: MESSAGES, max_tokens: 64 },
  CompletionRequest: { prompt: "The capital of France is", max_tokens: 16 },
  ResponsesRequest: { input: "Hello!", max_output_tokens: 64 },
  AnthropicMessagesRequest: { messages: MESSAGES, max_tokens: 64 },
  AnthropicCountTokensRequest: { messages: MESSAGES },
  GenerateRequest: { token_ids: [1, 2, 3], sampling_params: { max_tokens: 16 } },
  TokenizeRequest: { prompt: "Hello!" },
  DetokenizeRequest: { tokens: [1, 2, 3] },
  AbortRequest: { request_ids: [] },
  LoadLoRAAdapterRequest: { lora_name: "my-lora", lora_path: "my-lora.gguf" },
  UnloadLoRAAdapterRequest: { lora_name: "my-lora" },
};

interface QueryParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: object;
}

export interface RouteDoc {
  readonly summary: string;
  /** Heading under which /docs lists the route. */
  readonly tag: string;
  /** Names in BODIES, any one of which is accepted; absent = no body is read. */
  readonly bodies?: readonly (keyof typeof BODIES)[];
  readonly query?: readonly QueryParameter[];
  /** Description of the response with status 200. */
  readonly answer: string;
  /** Media types of the response; absent = JSON, empty = the response has no body. */
  readonly types?: readonly string[];
}

const JSON_OR_EVENTS = ["application/json", "text/event-stream"];

const STRING = { type: "string" };
const INTEGER = { type: "integer" };
const BOOLEAN = { type: "boolean", default: false };

/** @returns the routes under one heading */
function tagged(tag: string, docs: Readonly<Record<string, Omit<RouteDoc, "tag">>>) {
  return Object.fromEntries(Object.entries(docs).map(([route, doc]) => [route, { tag, ...doc }]));
}

const OPENAI = tagged("OpenAI", {
  "POST /v1/chat/completions": {
    summary: "Create Chat Completion",
    bodies: ["ChatCompletionRequest"],
    answer: "The chat completion",
    types: JSON_OR_EVENTS,
  },
  "POST /v1/completions": {
    summary: "Create Completion",
    bodies: ["CompletionRequest"],
    answer: "The text completion",
    types: JSON_OR_EVENTS,
  },
  "GET /v1/models": {
    summary: "Show Available Models",
    answer: "A card for each name of the served model",
  },
  "GET /v1/models/{id}": {
    summary: "Show Model",
    answer: "The card for the model with this name",
  },
});

const RESPONSES = tagged("OpenAI Responses", {
  "POST /v1/responses": {
    summary: "Create Responses",
    bodies: ["ResponsesRequest"],
    answer: "The response",
    types: JSON_OR_EVENTS,
  },
  "POST /v1/responses/input_tokens": {
    summary: "Count Input Tokens",
    bodies: ["ResponsesRequest"],
    answer: "Number of tokens in the prompt",
  },
  "GET /v1/responses/{id}": {
    summary: "Retrieve Responses",
    query: [
      { name: "stream", description: "Send the response as events", schema: BOOLEAN },
      {
        name: "starting_after",
        description: "Send only the events after the one with this number",
        schema: INTEGER,
      },
    ],
    answer: "The stored response",
    types: JSON_OR_EVENTS,
  },
  "DELETE /v1/responses/{id}": {
    summary: "Delete Responses",
    answer: "Confirmation that the response was deleted",
  },
  "POST /v1/responses/{id}/cancel": {
    summary: "Cancel Responses",
    answer: "The canceled response",
  },
  "GET /v1/responses/{id}/input_items": {
    summary: "List Input Items",
    query: [
      { name: "after", description: "List the items after the one with this ID", schema: STRING },
      {
        name: "limit",
        description: "Maximum number of items",
        schema: { ...INTEGER, minimum: 1, maximum: 100, default: 20 },
      },
      {
        name: "order",
        description: "Order of the items",
        schema: { enum: ["asc", "desc"], default: "desc" },
      },
    ],
    answer: "The response's input items",
  },
});

const ANTHROPIC = tagged("Anthropic", {
  "POST /v1/messages": {
    summary: "Create Messages",
    bodies: ["AnthropicMessagesRequest"],
    answer: "The message",
    types: JSON_OR_EVENTS,
  },
  "POST /v1/messages/count_tokens": {
    summary: "Count Tokens",
    bodies: ["AnthropicCountTokensRequest"],
    answer: "Number of tokens in the prompt",
  },
});

const TOKENS = tagged("Tokens", {
  "POST /tokenize": {
    summary: "Tokenize",
    bodies: ["TokenizeRequest"],
    answer: "Token IDs of the text or the rendered chat",
  },
  "POST /detokenize": {
    summary: "Detokenize",
    bodies: ["DetokenizeRequest"],
    answer: "The text for the token IDs",
  },
  "GET /tokenizer_info": {
    summary: "Get Tokenizer Info",
    answer: "The tokenizer's configuration",
  },
  "POST /inference/v1/generate": {
    summary: "Generate",
    bodies: ["GenerateRequest"],
    answer: "Generated token IDs",
    types: JSON_OR_EVENTS,
  },
});

const WORKS = { answer: "The engine accepts requests", types: [] } as const;

const SERVER = tagged("Server", {
  "GET /": {
    summary: "Home",
    answer: "A page about the server",
    types: ["text/html", "text/plain"],
  },
  "POST /invocations": {
    summary: "Invocations",
    bodies: ["ChatCompletionRequest", "CompletionRequest"],
    answer: "A chat completion if the body has messages, otherwise a text completion",
    types: JSON_OR_EVENTS,
  },
  "GET /health": { summary: "Health", ...WORKS },
  "GET /health/ready": { summary: "Ready", ...WORKS },
  "GET /ping": { summary: "Ping", ...WORKS },
  "POST /ping": { summary: "Ping", ...WORKS },
  "GET /version": { summary: "Show Version", answer: "The version of vLLM that this API matches" },
  "GET /server_info": {
    summary: "Show Server Info",
    query: [
      {
        name: "config_format",
        description: "Format of the configuration",
        schema: { enum: ["text", "json"], default: "text" },
      },
    ],
    answer: "The engine's configuration",
  },
  "GET /load": { summary: "Get Server Load Metrics", answer: "Number of requests in progress" },
  "GET /metrics": {
    summary: "Metrics",
    answer: "Metrics in Prometheus's text format",
    types: ["text/plain"],
  },
});

const ADAPTERS = tagged("LoRA adapters", {
  "POST /v1/load_lora_adapter": {
    summary: "Load Lora Adapter",
    bodies: ["LoadLoRAAdapterRequest"],
    answer: "The adapter can be used as a model",
    types: ["text/plain"],
  },
  "POST /v1/unload_lora_adapter": {
    summary: "Unload Lora Adapter",
    bodies: ["UnloadLoRAAdapterRequest"],
    answer: "The adapter was removed",
    types: ["text/plain"],
  },
});

const OPERATION = tagged("Operation", {
  "POST /v1/requests/{id}/cancel": { summary: "Cancel Request", answer: "The request was aborted" },
  "POST /abort_requests": {
    summary: "Abort Requests",
    bodies: ["AbortRequest"],
    answer: "The requests were aborted, if they were in progress",
    types: [],
  },
  "POST /pause": {
    summary: "Pause Generation",
    query: [
      {
        name: "wait_for_inflight_requests",
        description: "Finish requests in progress instead of aborting them",
        schema: BOOLEAN,
      },
      {
        name: "clear_cache",
        description: "Reset the prefix cache",
        schema: { ...BOOLEAN, default: true },
      },
    ],
    answer: "The engine is paused",
  },
  "POST /resume": { summary: "Resume Generation", answer: "The engine has resumed" },
  "GET /is_paused": { summary: "Is Paused", answer: "Whether the engine is paused" },
  "POST /sleep": {
    summary: "Sleep",
    query: [
      {
        name: "level",
        description: "1 keeps the weights in memory, 2 drops them, 0 only pauses",
        schema: { enum: [0, 1, 2], default: 1 },
      },
      {
        name: "mode",
        description: "What to do with requests in progress",
        schema: { enum: SLEEP_MODES, default: "abort" },
      },
    ],
    answer: "The engine is asleep",
    types: [],
  },
  "POST /wake_up": {
    summary: "Wake Up",
    query: [
      {
        name: "tags",
        description: "Parts to restore; absent = all",
        schema: { type: "array", items: { enum: WAKE_TAGS } },
      },
    ],
    answer: "The parts have been restored",
    types: [],
  },
  "GET /is_sleeping": { summary: "Is Sleeping", answer: "Whether the engine is asleep" },
  "POST /reset_prefix_cache": {
    summary: "Reset Prefix Cache",
    query: [
      {
        name: "reset_running_requests",
        description: "Preempt running requests so that their blocks are dropped too",
        schema: BOOLEAN,
      },
      { name: "reset_external", description: "Accepted and ignored", schema: BOOLEAN },
    ],
    answer: "The prefix cache is empty, unless requests use it",
    types: [],
  },
});

/**
 * Documentation by method and path. Operator routes under /v1 share the documentation of the same routes without /v1.
 */
export const ROUTE_DOCS: Readonly<Record<string, RouteDoc>> = {
  ...OPENAI,
  ...RESPONSES,
  ...ANTHROPIC,
  ...TOKENS,
  ...SERVER,
  ...ADAPTERS,
  ...OPERATION,
};

// Paths that clients of vLLM, OpenAI, llama-server, Ollama and other servers request but Pagoda does not have. The
// response names a replacement or says that the feature is not supported. All other unknown paths get vLLM's bare 404,
// as do the operator routes and /tokenizer_info, which vLLM has only if their flags are set.

import { shortened } from "../api/quote.ts";

const BASE_URL = "The base URL of an OpenAI client must end in /v1.";
const TEXT = "This server generates text: POST /v1/chat/completions or /v1/completions.";

const RENDERS = "POST /tokenize renders `messages` and returns the tokens.";

/** Other servers' paths that look like the path of an item with an ID. */
export const ABSENT_ACTIONS: readonly string[] = ["/v1/responses/compact"];

/** Paths, with advice for each group. A final "/*" matches anything or nothing, and ":id" matches one segment. */
const ABSENT: readonly (readonly [paths: string, advice: string])[] = [
  [
    "/v1/embeddings /v2/embed /embedding /embeddings /embed /encode /pooling /v1/pooling",
    `The model does not support Embeddings API: embeddings are not supported yet. ${TEXT}`,
  ],
  [
    "/score /v1/score /rerank /v1/rerank /v2/rerank /reranking /v1/reranking /classify /v1/classify",
    `Scoring, reranking and classification are not supported yet. ${TEXT}`,
  ],
  [
    "/v1/responses/compact",
    "Conversations cannot be compacted: summarize the conversation with POST /v1/responses, or set `truncation` to " +
      '"auto" there to drop the oldest turns.',
  ],
  [
    "/v1/responses/*",
    "This server supports create, get, delete, cancel, input_items and input_tokens of the Responses API.",
  ],
  ["/v1/messages/*", "Send each message separately to POST /v1/messages: the server batches them."],
  [
    "/v1/audio/* /v1/images/* /v1/videos/* /v1/realtime/*",
    `Images, audio and video are not supported yet. ${TEXT}`,
  ],
  ["/v1/moderations", `This server has no moderation model. ${TEXT}`],
  [
    "/v1/load_lora_adapter /v1/unload_lora_adapter",
    "Start the server with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 or an API key to load adapters.",
  ],
  [
    "/lora-adapters",
    "GET /v1/models lists the adapters, and each request chooses one as its `model`.",
  ],
  [
    "/models/* /api/tags /api/show /api/ps /get_model_info /v1/engines/*",
    "GET /v1/models reports the model that the server was started with.",
  ],
  ["/v1/chat/completions/render /v1/completions/render", RENDERS],
  ["/v1/chat/completions/batch", "Send each chat separately: the server batches them."],
  [
    "/v1/files/* /v1/batches/* /v1/fine_tuning/* /v1/uploads/* /v1/assistants/* /v1/threads/* " +
      "/v1/vector_stores/* /v1/conversations/* /v1/containers/* /v1/evals/* /v1/organization/* /v1/projects/* " +
      "/v1/chat/completions/:id /v1/edits",
    `This server does not store files, batches, threads or chat completions. ${TEXT}`,
  ],
  ["/api/version", "GET /version returns the version."],
  ["/api/*", `This is not Ollama's API. ${TEXT} ${BASE_URL}`],
  [
    "/openai/* /engines/* /v2/chat/completions /v1beta/* /v1/chat /v1/completions/*",
    `${TEXT} ${BASE_URL}`,
  ],
  [
    "/reset_mm_cache /reset_encoder_cache /flush_cache /start_profile /stop_profile " +
      "/collective_rpc /scale_elastic_ep /is_scaling_elastic_ep",
    "This operation is not supported yet. With --server-dev-mode, the server has the operator routes /sleep, " +
      "/wake_up, /pause, /resume and /reset_prefix_cache; with an API key, it has them under /v1.",
  ],
  [
    "/abort_request /v1/requests/*",
    "Close the connection to abort its request. A server with an API key also has POST /v1/requests/{id}/cancel.",
  ],
  ["/v1/health /v1/ping /v1/version /v1/metrics", "Request this path without /v1."],
  ["/v1/tokenize /v1/detokenize", "Use POST /tokenize or POST /detokenize, without /v1."],
  ["/infill", "Use POST /v1/completions, with `suffix` for the text after the gap."],
  [
    "/completion /generate /generate_stream",
    "Use POST /v1/completions, whose `prompt` is text or token ids.",
  ],
  [
    "/completions /chat/completions",
    "The client's base URL lacks /v1: use /v1/completions or /v1/chat/completions.",
  ],
  ["/v1/v1/*", "The path contains /v1 twice: remove one from the client's base URL or path."],
  [
    "//* /v1//*",
    "The path contains a double slash: remove the trailing slash from the client's base URL.",
  ],
  [
    "/v1",
    "This is the base URL for OpenAI clients, which append /chat/completions and similar paths.",
  ],
  ["/apply-template", RENDERS],
  [
    "/props /slots/* /info /get_server_info",
    "GET /metrics reports the server's load, and GET /v1/models reports the served model.",
  ],
  [
    "/load /get_load",
    "The server has GET /load if started with --enable-server-load-tracking. GET /metrics always reports the load.",
  ],
  [
    "/healthz /livez /readyz /ready /health/* /health_generate /-/healthy",
    "Use GET /health for probes.",
  ],
  ["/redoc /swagger", "GET /docs shows every route, unless --disable-fastapi-docs is set."],
  ["/docs /openapi.json", "The server was started with --disable-fastapi-docs."],
];

interface Absent {
  readonly matches: (path: string) => boolean;
  readonly advice: string;
}

const PATTERNS: readonly Absent[] = ABSENT.flatMap(([paths, advice]) =>
  paths.split(" ").map((path) => ({ matches: matcherOf(path), advice })),
);

function matcherOf(path: string): (path: string) => boolean {
  const [, start = path, tail] = /^(.*)\/(\*|:id)$/.exec(path) ?? [];
  if (tail === "*") return (asked) => `${asked}/`.startsWith(`${start}/`);
  if (tail === undefined) return (asked) => asked === path;
  const pattern = new RegExp(`^${start}/[^/]+$`);
  return (asked) => pattern.test(asked);
}

/**
 * @param path without a trailing slash
 * @returns advice about a known path that Pagoda does not have; null for any other path
 */
export function adviceFor(path: string): string | null {
  const found = PATTERNS.find(({ matches }) => matches(path));
  return found === undefined
    ? null
    : `${shortened(path)} does not exist on this server. ${found.advice}`;
}

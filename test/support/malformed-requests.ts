// Random HTTP requests with a defect in the request line, the headers, the lengths, the chunks, the encoding,
// the JSON, or any byte. Some happen to be valid; none may harm the server.

import type { Prng } from "./prng.ts";

export interface MalformedRequest {
  readonly kind: string;
  readonly bytes: Uint8Array;
  /** True if the server should wait for more bytes. */
  readonly isIncomplete: boolean;
}

const PATHS = [
  "/v1/completions",
  "/v1/chat/completions",
  "/tokenize",
  "/detokenize",
  "/v1/responses",
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1/models",
  "/health",
  "/metrics",
  "/nowhere",
];
const POST_PATHS = PATHS.slice(0, 7);

const VALID_BODIES = [
  '{"prompt":"hello","max_tokens":3}',
  '{"prompt":["a","b"],"max_tokens":2,"stream":true,"stream_options":{"include_usage":true}}',
  '{"prompt":[[1,2,3]],"max_tokens":2,"logprobs":2,"echo":true}',
  '{"messages":[{"role":"user","content":"hi"}],"max_tokens":2,"stop":["a"],"logit_bias":{"65":1}}',
  '{"tokens":[65,66,67]}',
  '{"input":"hi","max_output_tokens":2,"tools":[{"type":"custom","name":"a"}],"tool_choice":"none"}',
  '{"input":[{"type":"reasoning","summary":[]},{"role":"user","content":"hi"}],"stream":true}',
  '{"max_tokens":2,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":"hi"}]}',
  '{"prompt":"x","n":2,"temperature":1,"seed":5,"max_tokens":2,"top_p":0.5,"stop_token_ids":[1]}',
];

/** Values that clients can send but that few fields allow. */
const ODD_VALUES = [
  "null",
  "true",
  "-1",
  "1e999",
  "-1e999",
  "1e-999",
  "9007199254740993",
  "18446744073709551616",
  "0.5",
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"NaN"',
  "[]",
  "{}",
  "[null]",
  "[[[]]]",
  '{"__proto__":{"a":1}}',
  '[{"role":"user"}]',
  '[{"role":"user","content":[{"type":"text"}]}]',
  '[{"role":"user","content":{"type":"image_url"}}]',
  `"${"x".repeat(3000)}"`,
  `[${"1,".repeat(2000)}1]`,
  "[".repeat(70) + "]".repeat(70),
];

const FIELDS = [
  ...["prompt", "messages", "model", "max_tokens", "min_tokens", "temperature", "top_p", "top_k"],
  ...["min_p", "n", "seed", "stop", "stop_token_ids", "logit_bias", "logprobs", "top_logprobs"],
  ...["prompt_logprobs", "stream", "stream_options", "echo", "tools", "tool_choice", "user"],
  ...["response_format", "cache_salt", "priority", "request_id", "chat_template", "tokens"],
  ...["chat_template_kwargs", "allowed_token_ids", "bad_words", "presence_penalty", "__proto__"],
];

const encoder = new TextEncoder();

interface Parts {
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

function join({ line, headers = [], body = "" }: Parts, host = "Host: localhost"): string {
  const head = [line ?? "POST /v1/completions HTTP/1.1", host, "Connection: close", ...headers];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

const JSON_TYPE = "Content-Type: application/json";
const lengthOf = (body: string) => `Content-Length: ${encoder.encode(body).length}`;

function pick<T>(prng: Prng, choices: readonly T[]): T {
  return choices[prng.int(0, choices.length - 1)] as T;
}

function postOf(prng: Prng, body: string, headers: readonly string[] = [JSON_TYPE]): string {
  const line = `POST ${pick(prng, POST_PATHS)} HTTP/1.1`;
  return join({ line, headers: [...headers, lengthOf(body)], body });
}

function badLine(prng: Prng): string {
  const path = pick(prng, PATHS);
  const line = pick(prng, [
    `post ${path} HTTP/1.1`,
    `POST${path} HTTP/1.1`,
    `GET ${path}`,
    `GET ${path} HTTP/9.9`,
    `GET ${path} HTTP/1.1 extra`,
    `GET  ${path}  HTTP/1.1`,
    "GET * HTTP/1.1",
    "CONNECT localhost:80 HTTP/1.1",
    `GET http://[::1${path} HTTP/1.1`,
    `GET http://other${path} HTTP/1.1`,
    `GET /${"a".repeat(prng.int(1, 20_000))} HTTP/1.1`,
    `GET ${path}%00%ff%zz HTTP/1.1`,
    `GET ${path}\u0000 HTTP/1.1`,
    `GET ${path}?${"a=b&".repeat(prng.int(1, 500))} HTTP/1.1`,
    `${"X".repeat(prng.int(1, 300))} ${path} HTTP/1.1`,
    `TRACE ${path} HTTP/1.1`,
    `GET /..${path}/../..${path} HTTP/1.1`,
    `GET //${path} HTTP/1.1`,
    "",
    "\u0000",
  ]);
  return join({ line });
}

function badHeaders(prng: Prng): string {
  const line = `GET ${pick(prng, PATHS)} HTTP/1.1`;
  const host = pick(prng, [
    "Host: localhost",
    "Host:",
    "X-No-Host: 1",
    "Host: a/?x=",
    "Host: localhost\r\nHost: other",
    "Host: [",
    "Host: local host",
    `Host: ${"a".repeat(5000)}`,
    "Host: localhost:99999",
    "Host: \u0001",
  ]);
  const header = pick(prng, [
    "no colon",
    ": empty name",
    "Bad Name: x",
    "X: a\u0000b",
    "X: a\r\n folded",
    "X: a\nY: b",
    `X: ${"y".repeat(prng.int(1, 40_000))}`,
    Array.from({ length: prng.int(1, 700) }, (_, i) => `X${i}: y`).join("\r\n"),
    "Authorization: Bearer \u00ff\u00fe",
    "X-Request-Id: ../../\u0001",
    "Expect: 100-continue",
    "Expect: 200-maybe",
    "Upgrade: websocket\r\nConnection: upgrade",
    "Range: bytes=-1-",
    "endpoint-load-metrics-format: \u0000",
    "Access-Control-Request-Headers: a\tb",
  ]);
  return join({ line, headers: [header] }, host);
}

function badLength(prng: Prng): string {
  const body = pick(prng, VALID_BODIES);
  const headers = pick(prng, [
    ["Content-Length: -1"],
    ["Content-Length: 1e3"],
    ["Content-Length: 0x10"],
    ["Content-Length: 99999999999999999999"],
    ["Content-Length: "],
    ["Content-Length: +5"],
    ["Content-Length: 5, 5"],
    ["Content-Length: 5", "Content-Length: 6"],
    [lengthOf(body), "Transfer-Encoding: chunked"],
    [lengthOf(`${body}more`)],
    [`Content-Length: ${prng.int(0, body.length)}`],
    ["Content-Length: 33554433"],
    [],
  ]);
  return join({ headers: [JSON_TYPE, ...headers], body });
}

function badChunks(prng: Prng): string {
  const body = pick(prng, VALID_BODIES);
  const size = body.length.toString(16);
  const encoding = pick(prng, [
    "chunked",
    "chunked, chunked",
    "gzip, chunked",
    "identity",
    "Chunked;",
  ]);
  const chunks = pick(prng, [
    `${size}\r\n${body}\r\n0\r\n\r\n`,
    `${size}\r\n${body}\r\n0\r\n`,
    `zz\r\n${body}\r\n0\r\n\r\n`,
    `-5\r\n${body}\r\n0\r\n\r\n`,
    `ffffffffffffffff\r\n${body}\r\n0\r\n\r\n`,
    `${size};${"x".repeat(prng.int(1, 9000))}\r\n${body}\r\n0\r\n\r\n`,
    `${size}\n${body}\n0\n\n`,
    `${size}\r\n${body}0\r\n\r\n`,
    `1\r\n{\r\n`.repeat(50),
    `${size}\r\n${body}\r\n0\r\nTrailer: x\r\n\r\n`,
    "0\r\n\r\n",
    "\r\n",
  ]);
  return join({ headers: [JSON_TYPE, `Transfer-Encoding: ${encoding}`], body: chunks });
}

function badEncoding(prng: Prng): string {
  const body = pick(prng, ["\ufeff", "\u0000", "\u00ff", ""]) + pick(prng, VALID_BODIES);
  const headers = pick(prng, [
    [JSON_TYPE, "Content-Encoding: gzip"],
    [JSON_TYPE, "Content-Encoding: br, deflate"],
    ["Content-Type: application/json; charset=utf-16"],
    ["Content-Type: application/json; charset=\u0001"],
    ["Content-Type: text/plain"],
    ["Content-Type: multipart/form-data; boundary=x"],
    ["Content-Type: application/x-www-form-urlencoded"],
    ["Content-Type:"],
    ["Content-Type: application/json, application/json"],
    [],
  ]);
  return postOf(prng, body, headers);
}

/** Returns a valid body with one field replaced or added. */
function oddField(prng: Prng): string {
  const body = pick(prng, VALID_BODIES);
  const field = `"${pick(prng, FIELDS)}":${pick(prng, ODD_VALUES)}`;
  return postOf(prng, `${body.slice(0, -1)},${field}}`);
}

function brokenJson(prng: Prng): string {
  const body = pick(prng, VALID_BODIES);
  const at = prng.int(0, body.length);
  const broken = pick(prng, [
    body.slice(0, at),
    body.slice(at),
    body.slice(0, at) + pick(prng, ['"', "{", "}", "[", ",", "\\", "\u0000", "1"]) + body.slice(at),
    `${body}${body}`,
    "[".repeat(prng.int(1, 5000)),
    `{"a":`.repeat(prng.int(1, 3000)),
    pick(prng, ODD_VALUES),
    "",
  ]);
  return postOf(prng, broken);
}

function randomBytes(prng: Prng): Uint8Array {
  return Uint8Array.from({ length: prng.int(1, 400) }, () => prng.int(0, 255));
}

/** Returns a valid request with some bytes changed. */
function flippedBytes(prng: Prng): Uint8Array {
  const bytes = encoder.encode(postOf(prng, pick(prng, VALID_BODIES)));
  for (let i = prng.int(1, 5); i > 0; i--) bytes[prng.int(0, bytes.length - 1)] = prng.int(0, 255);
  return bytes;
}

function cutOff(prng: Prng): string {
  const whole = postOf(prng, pick(prng, VALID_BODIES));
  return whole.slice(0, prng.int(1, whole.length - 1));
}

const KINDS: readonly (readonly [string, (prng: Prng) => string | Uint8Array])[] = [
  ["line", badLine],
  ["headers", badHeaders],
  ["length", badLength],
  ["chunks", badChunks],
  ["encoding", badEncoding],
  ["field", oddField],
  ["json", brokenJson],
  ["random", randomBytes],
  ["flipped", flippedBytes],
  ["cut off", cutOff],
];

export function malformedRequest(prng: Prng): MalformedRequest {
  const [kind, make] = pick(prng, KINDS);
  const made = make(prng);
  // One byte per character: headers are Latin-1.
  const bytes = typeof made === "string" ? Buffer.from(made, "latin1") : made;
  return { kind, bytes, isIncomplete: kind === "cut off" || kind === "random" };
}

// POST /tokenize and /detokenize.

import { Elysia } from "elysia";
import { withFunctions } from "../api/chat-custom-tools.ts";
import { chatMessages } from "../api/chat-messages.ts";
import { bodyFault } from "../api/schema-faults.ts";
import { DETOKENIZE_FIELDS, TOKENIZE_FIELDS, type TokenizeBody } from "../api/schemas.ts";
import { chatTemplateRequest } from "../api/template-request.ts";
import { knownIds } from "../api/token-ids.ts";
import { jsonResponse } from "./json-response.ts";
import { readBody } from "./read-body.ts";
import type { ServerContext } from "./server-context.ts";

export function tokenizeRoutes(context: ServerContext) {
  return new Elysia({ name: "tokenize" })
    .post("/tokenize", ({ request }) => tokenize(context, request), { parse: "none" })
    .post("/detokenize", ({ request }) => detokenize(context, request), { parse: "none" });
}

async function tokenize(context: ServerContext, request: Request): Promise<Response> {
  const body = await readBody(context, request, TOKENIZE_FIELDS);
  const { calls, info } = context.front;
  const tokens = await tokensOf(context, body);
  return jsonResponse({
    count: tokens.length,
    max_model_len: info.maxModelLen,
    tokens: [...tokens],
    token_strs: body.return_token_strs ? await entriesOf(calls, tokens) : null,
  });
}

/**
 * Fetches each entry from the engine only once: text can have millions of tokens, but a vocabulary
 * has far fewer.
 */
async function entriesOf(
  calls: ServerContext["front"]["calls"],
  tokens: Int32Array,
): Promise<string[]> {
  const ids = Int32Array.from(new Set(tokens));
  const entries = await calls.tokenEntries(ids);
  const entryOf = new Map(entries.map((entry, i) => [ids[i], entry]));
  return Array.from(tokens, (id) => entryOf.get(id) ?? "");
}

async function tokensOf(context: ServerContext, body: TokenizeBody): Promise<Int32Array> {
  const { prompt, add_special_tokens: addSpecial } = body;
  const { calls } = context.front;
  const chat = withFunctions(body);
  if (chat.messages === null) return calls.encode(requirePrompt(prompt), addSpecial ?? true);
  const request = chatTemplateRequest(context, chat, chatMessages(chat.messages));
  return calls.encodeChat(request);
}

function requirePrompt(prompt: string | null): string {
  if (prompt !== null) return prompt;
  throw bodyFault("missing", ["body", "prompt"], "Field required");
}

async function detokenize(context: ServerContext, request: Request): Promise<Response> {
  const { tokens } = await readBody(context, request, DETOKENIZE_FIELDS);
  const ids = knownIds(tokens);
  return jsonResponse({ prompt: await context.front.calls.decode(ids, false) });
}

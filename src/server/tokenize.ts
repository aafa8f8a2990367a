// POST /tokenize and /detokenize.

import { Elysia } from "elysia";
import { RequestError } from "../errors.ts";
import { chatMessages } from "./chat-messages.ts";
import { parseBody } from "./fields.ts";
import { jsonResponse } from "./json-response.ts";
import { readJsonBody } from "./read-body.ts";
import { DETOKENIZE_FIELDS, TOKENIZE_FIELDS } from "./schemas.ts";
import { checkAccepting, checkModel, type ServerContext } from "./server-context.ts";

export function tokenizeRoutes(context: ServerContext) {
  return new Elysia({ name: "tokenize" })
    .post("/tokenize", ({ request }) => tokenize(context, request), { parse: "none" })
    .post("/detokenize", ({ request }) => detokenize(context, request), { parse: "none" });
}

async function tokenize(context: ServerContext, request: Request): Promise<Response> {
  checkAccepting(context);
  const json = await readJsonBody(request, context.limits.maxBodyBytes);
  const body = parseBody(TOKENIZE_FIELDS, json);
  checkModel(context, body.model);
  const { client } = context.engine;
  const tokens =
    body.messages === null
      ? await client.encode(requirePrompt(body.prompt), body.add_special_tokens ?? true)
      : (await renderChat(context, { ...body, messages: body.messages })).tokenIds;
  const strings = body.return_token_strs ? await client.tokenBytes(tokens) : null;
  return jsonResponse({
    count: tokens.length,
    max_model_len: client.info.maxModelLen,
    tokens: [...tokens],
    token_strs: strings?.map((bytes) => new TextDecoder().decode(bytes)) ?? null,
  });
}

function requirePrompt(prompt: string | null): string {
  if (prompt !== null) return prompt;
  throw new RequestError(
    "invalid_schema",
    "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'prompt'), 'msg': 'Field required'}",
  );
}

type TokenizeBody = ReturnType<typeof parseBody<typeof TOKENIZE_FIELDS>>;

function renderChat(
  context: ServerContext,
  body: TokenizeBody & { messages: NonNullable<TokenizeBody["messages"]> },
) {
  return context.engine.client.applyChatTemplate({
    messages: chatMessages(body.messages),
    tools: body.tools,
    addGenerationPrompt: body.add_generation_prompt,
    continueFinalMessage: body.continue_final_message,
    templateKwargs: body.chat_template_kwargs ?? {},
  });
}

async function detokenize(context: ServerContext, request: Request): Promise<Response> {
  checkAccepting(context);
  const json = await readJsonBody(request, context.limits.maxBodyBytes);
  const { model, tokens } = parseBody(DETOKENIZE_FIELDS, json);
  checkModel(context, model);
  if (tokens?.some((id) => id < 0) === true) {
    throw new RequestError(
      "invalid_schema",
      "1 validation error:\n  out of range integral type conversion attempted",
    );
  }
  const ids = Int32Array.from((tokens ?? []).filter((id) => id < 2 ** 31));
  return jsonResponse({ prompt: await context.engine.client.decode(ids, false) });
}

// POST /invocations, Amazon SageMaker's route: runs a chat if the body has messages, or a text completion if it has a
// prompt.

import { Elysia } from "elysia";
import { CHAT_FIELDS, COMPLETION_FIELDS } from "../api/schemas.ts";
import { RequestError } from "../errors.ts";
import { answerChat } from "./chat.ts";
import { answerCompletion } from "./completions.ts";
import { checkedBody, readJson } from "./read-body.ts";
import type { ServerContext } from "./server-context.ts";

export function invocationRoutes(context: ServerContext) {
  return new Elysia({ name: "invocations" }).post(
    "/invocations",
    ({ request }) => invoke(context, request),
    { parse: "none" },
  );
}

async function invoke(context: ServerContext, request: Request): Promise<Response> {
  const arrivalMs = context.front.nowMs();
  const json = await readJson(context, request);
  if (json["messages"] !== undefined) {
    const body = checkedBody(context, json, CHAT_FIELDS);
    return answerChat(context, request, { arrivalMs, body });
  }
  if (json["prompt"] !== undefined) {
    const body = checkedBody(context, json, COMPLETION_FIELDS);
    return answerCompletion(context, request, { arrivalMs, body });
  }
  throw new RequestError(
    "invalid_value",
    "Cannot find suitable handler for request. Expected one of: " +
      "['ChatCompletionRequest', 'CompletionRequest']: the body needs `messages` or `prompt`.",
  );
}

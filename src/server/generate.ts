// POST /inference/v1/generate: takes and returns token IDs, for routers that do their own tokenization.

import { Elysia } from "elysia";
import { mergeStreams } from "../api/output-streams.ts";
import { fieldsSaid } from "../api/parse-body.ts";
import { COMPLETION_FIELDS, GENERATE_FIELDS } from "../api/schemas.ts";
import { startCompletion } from "../api/started-completion.ts";
import { completionBodyOf, TokenChunkWriter, tokenAnswer } from "../api/token-completion.ts";
import { answer } from "./answer.ts";
import { readBody } from "./read-body.ts";
import { logged } from "./request-log.ts";
import { responseId, type ServerContext } from "./server-context.ts";

export function generateRoutes(context: ServerContext) {
  return new Elysia({ name: "generate" }).post(
    "/inference/v1/generate",
    ({ request }) => generate(context, request),
    { parse: "none" },
  );
}

async function generate(context: ServerContext, request: Request): Promise<Response> {
  const arrivalMs = context.front.nowMs();
  const body = completionBodyOf(await readBody(context, request, GENERATE_FIELDS));
  const id = responseId("generate-tokens-", request, body.request_id);
  const arrival = () => {
    const { prompt, ...params } = fieldsSaid(COMPLETION_FIELDS, body);
    return { id, arrivalMs, prompt, params };
  };
  return logged(context, arrival, async (watch) => {
    const init = { id, arrivalMs, signal: request.signal };
    const completion = await startCompletion(context, body, init);
    return answer(context, request, {
      streams: completion.streams,
      outputs: watch(mergeStreams(completion.streams), ({ output }) => output),
      writer: body.stream ? new TokenChunkWriter(completion) : null,
      fullBody: (outputs) => tokenAnswer(completion, outputs),
    });
  });
}

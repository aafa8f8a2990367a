// /v1/responses: OpenAI's Responses API.

import { Elysia } from "elysia";
import { eventsOf } from "../api/events.ts";
import { fieldsSaid } from "../api/parse-body.ts";
import { quoted } from "../api/quote.ts";
import { BackgroundRun } from "../api/responses/background-run.ts";
import { inputList } from "../api/responses/input-list.ts";
import { ResponseEventWriter } from "../api/responses/response-events.ts";
import type { StoredResponse } from "../api/responses/response-store.ts";
import { RESPONSES_FIELDS } from "../api/responses/schema.ts";
import {
  countInput,
  type ResponseRequest,
  responseRequest,
  startResponse,
  storedResponse,
} from "../api/responses/started-response.ts";
import type { AnswerInit } from "../api/started-chat.ts";
import { RequestError } from "../errors.ts";
import type { OutputStream, SequenceOutput } from "../front/output-stream.ts";
import { answer, streamedAnswer } from "./answer.ts";
import { ApiKeys } from "./auth.ts";
import { jsonResponse } from "./json-response.ts";
import { readBody } from "./read-body.ts";
import { logged, type Watch } from "./request-log.ts";
import { pathSegment } from "./routed-url.ts";
import { responseId, type ServerContext } from "./server-context.ts";

/** A request, with its owner. */
interface Call {
  readonly context: ServerContext;
  readonly request: Request;
  /** Index of the accepted key; null if the server has none. */
  readonly owner: number | null;
}

export function responseRoutes(context: ServerContext) {
  const { apiKeys, apiKeyScope: scope } = context;
  const keys = new ApiKeys({ keys: apiKeys, scope, guarded: [] });
  const to =
    (handle: (call: Call) => Response | Promise<Response>) =>
    ({ request }: { readonly request: Request }) =>
      handle({ context, request, owner: keys.keyOf(request) });
  return new Elysia({ name: "responses" })
    .post("/v1/responses", to(create), { parse: "none" })
    .post("/v1/responses/input_tokens", to(inputTokens), { parse: "none" })
    .get("/v1/responses/:id", to(retrieve))
    .delete("/v1/responses/:id", to(remove), { parse: "none" })
    .post("/v1/responses/:id/cancel", to(cancel), { parse: "none" })
    .get("/v1/responses/:id/input_items", to(inputItems));
}

async function create(call: Call): Promise<Response> {
  const { context, request, owner } = call;
  const arrivalMs = context.front.nowMs();
  const body = await readBody(context, request, RESPONSES_FIELDS);
  const id = responseId("resp_", request, body.request_id);
  const arrival = () => {
    const { input, ...params } = fieldsSaid(RESPONSES_FIELDS, body);
    return { id, arrivalMs, prompt: input, params };
  };
  return logged(context, arrival, async (watch) => {
    const asked = responseRequest(context, body, { id, store: context.responseStore, owner });
    const answered = body.background ? answerInBackground : answerNow;
    return answered(call, { asked, init: { id, arrivalMs }, watch });
  });
}

async function inputTokens({ context, request, owner }: Call): Promise<Response> {
  const body = await readBody(context, request, RESPONSES_FIELDS);
  const asked = responseRequest(context, body, { id: "", store: context.responseStore, owner });
  const input_tokens = await countInput(context, asked);
  return jsonResponse({ object: "response.input_tokens", input_tokens });
}

interface Creation {
  readonly asked: ResponseRequest;
  readonly init: AnswerInit;
  readonly watch: Watch;
}

async function answerNow(call: Call, { asked, init, watch }: Creation): Promise<Response> {
  const { context, request, owner } = call;
  const { body, items, response } = asked;
  const { streams, outputs } = await outputsOf(context, asked, { ...init, signal: request.signal });
  const keep = () => {
    if (body.store)
      context.responseStore.put({ owner, items, response: response.body(), run: null });
  };
  return answer(context, request, {
    streams,
    outputs: watch(outputs, (output) => output),
    writer: body.stream ? new ResponseEventWriter(response, keep) : null,
    fullBody: async (all) => {
      for await (const output of all) response.add(output);
      response.end();
      keep();
      return response.body();
    },
  });
}

interface Outputs {
  readonly streams: readonly OutputStream[];
  readonly outputs: AsyncIterable<SequenceOutput>;
}

/**
 * When streaming, an overlong prompt fails the response, not the HTTP request: Codex recognizes the error only there.
 */
async function outputsOf(
  context: ServerContext,
  asked: ResponseRequest,
  init: AnswerInit,
): Promise<Outputs> {
  try {
    const { stream } = await startResponse(context, asked, init);
    return { streams: [stream], outputs: stream };
  } catch (error) {
    const isOverflow = error instanceof RequestError && error.code === "context_length";
    if (!(isOverflow && asked.body.stream)) throw error;
    const next = () => Promise.reject(error);
    return { streams: [], outputs: { [Symbol.asyncIterator]: () => ({ next }) } };
  }
}

async function answerInBackground(call: Call, { asked, init, watch }: Creation): Promise<Response> {
  const { context, owner } = call;
  const { body, items, response } = asked;
  const store = context.responseStore;
  if (!store.isEnabled) {
    const message =
      "`background` needs stored responses: start the server with --response-store-bytes.";
    throw new RequestError("unsupported", message, "background");
  }
  const { stream } = await startResponse(context, asked, init);
  const outputs = watch(stream, (output) => output);
  const run: BackgroundRun = new BackgroundRun({
    response,
    events: eventsOf(outputs, new ResponseEventWriter(response), context.logFault),
    abort: () => stream.abort(),
    keepsEvents: body.stream,
    onEnd: (ended) => {
      // Stores the final response, unless it has been deleted in the meantime.
      if (store.get(init.id, owner) !== null) store.put({ owner, items, response: ended, run });
    },
  });
  store.put({ owner, items, response: run.body(), run });
  void run.run();
  return body.stream ? follow(call, run, -1) : jsonResponse(run.body());
}

/** Streams a run's events; the run continues if the client disconnects. */
function follow({ context, request }: Call, run: BackgroundRun, startingAfter: number): Response {
  const events = run.eventsAfter(startingAfter);
  return streamedAnswer(context, request, { events, onCancel: () => {} });
}

/** @throws RequestError "response_not_found" */
function storedOf({ context, request, owner }: Call): StoredResponse {
  return storedResponse(context.responseStore, pathSegment(request.url, 2), owner);
}

function retrieve(call: Call): Response {
  const { response, run } = storedOf(call);
  const query = new URL(call.request.url).searchParams;
  if (!booleanOf(query, "stream")) return jsonResponse(run?.body() ?? response);
  if (run?.keepsEvents !== true) {
    const message = "Only a response created with `background` and `stream` can be streamed again.";
    throw new RequestError("invalid_value", message, "stream");
  }
  const after = query.get("starting_after");
  if (after === null) return follow(call, run, -1);
  if (/^\d+$/.test(after) && Number(after) < run.numEvents) return follow(call, run, Number(after));
  const message = "starting_after must be the sequence_number of an event that has been sent.";
  throw new RequestError("invalid_value", message, "starting_after");
}

/** @returns false if the parameter is absent @throws RequestError "invalid_value" */
function booleanOf(query: URLSearchParams, name: string): boolean {
  const value = query.get(name) ?? "false";
  if (value === "true" || value === "false") return value === "true";
  const message = `${name} must be true or false, got ${quoted(value)}.`;
  throw new RequestError("invalid_value", message, name);
}

function remove(call: Call): Response {
  const { id } = storedOf(call).response;
  call.context.responseStore.delete(id, call.owner);
  return jsonResponse({ id, object: "response", deleted: true });
}

function cancel(call: Call): Response {
  const { run } = storedOf(call);
  if (run === null) {
    const message = "Cannot cancel a synchronous response.";
    throw new RequestError("invalid_value", message, "response_id");
  }
  run.cancel();
  return jsonResponse(run.body());
}

function inputItems(call: Call): Response {
  const query = new URL(call.request.url).searchParams;
  return jsonResponse(inputList(storedOf(call).items, query));
}

// POST /v1/completions, for one or more prompts given as text or token IDs. Choices are numbered by prompt: sequence i
// of prompt p is choice p * n + i.

import { Elysia } from "elysia";
import { modelName } from "../api/api-context.ts";
import { type Choice, choiceAt, makeChoices, promptDetails, usage } from "../api/choice.ts";
import { CompletionChunkWriter } from "../api/completion-chunks.ts";
import { type CompletionPrompt, showsPromptOnly } from "../api/completion-prompts.ts";
import { completionLogprobs, echoLogprobs, promptLogprobs } from "../api/logprobs.ts";
import { mergeStreams, type PromptOutput } from "../api/output-streams.ts";
import { fieldsSaid } from "../api/parse-body.ts";
import { COMPLETION_FIELDS, type CompletionBody } from "../api/schemas.ts";
import { type StartedCompletion, startCompletion } from "../api/started-completion.ts";
import { Timings } from "../api/timings.ts";
import { answer } from "./answer.ts";
import { readBody } from "./read-body.ts";
import { logged } from "./request-log.ts";
import { responseId, type ServerContext } from "./server-context.ts";

export function completionRoutes(context: ServerContext) {
  return new Elysia({ name: "completions" }).post(
    "/v1/completions",
    async ({ request }) => {
      const arrivalMs = context.front.nowMs();
      return answerCompletion(context, request, {
        arrivalMs,
        body: await readBody(context, request, COMPLETION_FIELDS),
      });
    },
    { parse: "none" },
  );
}

export interface ArrivedCompletion {
  /** Arrival time on the front's clock, in ms. */
  readonly arrivalMs: number;
  readonly body: CompletionBody;
}

export function answerCompletion(
  context: ServerContext,
  request: Request,
  { arrivalMs, body }: ArrivedCompletion,
): Promise<Response> {
  const id = responseId("cmpl-", request, body.request_id);
  const arrival = () => {
    const { prompt, ...params } = fieldsSaid(COMPLETION_FIELDS, body);
    return { id, arrivalMs, prompt, params };
  };
  return logged(context, arrival, async (watch) => {
    const completion = await startCompletion(context, body, {
      id,
      arrivalMs,
      signal: request.signal,
    });
    return answer(context, request, {
      streams: completion.streams,
      outputs: watch(mergeStreams(completion.streams), ({ output }) => output),
      writer: completion.body.stream ? new CompletionChunkWriter(completion) : null,
      fullBody: (outputs) => fullBody(completion, outputs),
    });
  });
}

async function fullBody(completion: StartedCompletion, outputs: AsyncIterable<PromptOutput>) {
  const { body, n, context, prompts } = completion;
  const choices = makeChoices(prompts.length * n);
  const timings = Timings.of(context, body);
  for await (const { promptIndex, output } of outputs) {
    choiceAt(choices, promptIndex * n + output.index).add(output);
    timings?.add(output, promptIndex);
  }
  const numTokens = choices.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  // The sequences of a prompt share its cached tokens, so only the first one counts.
  const firsts = choices.filter((_, index) => index % n === 0);
  const numCachedTokens = firsts.reduce((sum, choice) => sum + choice.numCachedTokens, 0);
  return {
    id: completion.id,
    object: "text_completion",
    created: completion.createdS,
    model: modelName(context, body.model),
    choices: prompts.flatMap((prompt, promptIndex) => {
      const first = promptIndex * n;
      const siblings = choices.slice(first, first + n);
      // The prompt is computed only once, so its log-probabilities come with the first choice.
      const positions = siblings[0]?.promptLogprobs ?? null;
      return siblings.map((choice, i) => choiceBody(body, prompt, positions, choice, first + i));
    }),
    service_tier: null,
    system_fingerprint: null,
    usage: {
      ...usage(completion.numPromptTokens, numTokens),
      prompt_tokens_details: promptDetails(context, numCachedTokens),
    },
    kv_transfer_params: null,
    ...(timings && { timings: timings.body() }),
  };
}

function choiceBody(
  body: StartedCompletion["body"],
  prompt: CompletionPrompt,
  promptPositions: Choice["promptLogprobs"],
  choice: Choice,
  index: number,
) {
  const generated = showsPromptOnly(body) ? "" : choice.text;
  return {
    index,
    text: body.echo ? prompt.text + generated : generated,
    logprobs: body.logprobs === null ? null : choiceLogprobs(body, prompt, promptPositions, choice),
    finish_reason: choice.finishReason,
    stop_reason: choice.stopReason,
    token_ids: body.return_token_ids ? choice.tokenIds : null,
    prompt_logprobs: promptLogprobs(promptPositions),
    prompt_token_ids: body.return_token_ids ? [...prompt.ids] : null,
  };
}

function choiceLogprobs(
  body: StartedCompletion["body"],
  prompt: CompletionPrompt,
  promptPositions: Choice["promptLogprobs"],
  choice: Choice,
) {
  const asIds = body.return_tokens_as_token_ids;
  if (!body.echo) return completionLogprobs(choice.logprobs, asIds, 0);
  const generated = showsPromptOnly(body) ? [] : choice.logprobs;
  return echoLogprobs(prompt.firstToken, [...(promptPositions ?? []), ...generated], asIds);
}

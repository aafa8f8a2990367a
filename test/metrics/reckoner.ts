// Computes the values that /metrics must show after a log of events, by the formulas of vLLM's request
// timeline. All values are recomputed from the whole log, sequence by sequence and family by family. No
// state is carried from event to event, so errors in the update order are not repeated here.

import type { FinishReason } from "../../src/request/request-status.ts";
import type { AddEvent, LogEvent } from "./event-log.ts";

/** Counter and gauge values by series, and histogram observations by family. */
export interface Reckoning {
  readonly values: ReadonlyMap<string, number>;
  readonly observations: ReadonlyMap<string, readonly number[]>;
}

/** Index into the log. */
type At = number;

/** A sequence from its arrival to the end of the log. */
interface Life {
  readonly add: AddEvent;
  /** Time of the first plan that includes the sequence; null if none does. */
  readonly scheduledS: number | null;
  readonly numCachedTokens: number;
  readonly tokens: readonly { readonly at: At; readonly engineS: number }[];
  readonly preemptedAt: readonly At[];
  readonly end: { readonly at: At; readonly reason: FinishReason } | null;
  readonly isRunning: boolean;
  readonly blockIds: readonly number[];
}

/** Computes all values from the log, up to the last message. */
export function reckon(whole: readonly LogEvent[], numBlocks: number): Reckoning {
  const log = whole.slice(0, whole.findLastIndex(({ kind }) => kind === "message") + 1);
  const lives = log.flatMap((event) => (event.kind === "add" ? [lifeOf(log, event)] : []));
  const values = new Map([
    ...gauges(lives, numBlocks),
    ...tokenCounters(lives),
    ...requestCounters(lives),
  ]);
  const observations = new Map([
    ...outputObservations(log, lives),
    ...finishObservations(log, lives),
    ...parentObservations(lives),
  ]);
  return { values, observations };
}

function lifeOf(log: readonly LogEvent[], add: AddEvent): Life {
  const { id } = add;
  const end = endOf(log, add);
  const until = log.slice(0, end === null ? undefined : end.at + 1);
  const plans = until.flatMap((event, at) => (event.kind === "plan" ? [{ ...event, at }] : []));
  const parts = plans.flatMap(({ scheduled, engineS, at }) =>
    scheduled.filter((part) => part.id === id).map((part) => ({ ...part, engineS, at })),
  );
  const preemptedAt = plans.filter(({ preempted }) => preempted.includes(id)).map(({ at }) => at);
  return {
    add,
    scheduledS: parts[0]?.engineS ?? null,
    numCachedTokens: parts[0]?.numComputedTokens ?? 0,
    tokens: tokensOf(until, id),
    preemptedAt,
    end,
    isRunning: end === null && (parts.at(-1)?.at ?? -1) > (preemptedAt.at(-1) ?? -1),
    blockIds: parts.at(-1)?.blockIds ?? [],
  };
}

function tokensOf(log: readonly LogEvent[], id: string) {
  return log.flatMap((event, at) => {
    if (event.kind !== "result") return [];
    const token = event.tokens.find(([owner]) => owner === id);
    return token === undefined ? [] : [{ at, engineS: event.engineS, tokenId: token[1] }];
  });
}

/** Earliest of an abort, a failed step, a stop string in the text, and the last token. */
function endOf(log: readonly LogEvent[], { id, stop, maxTokens }: AddEvent): Life["end"] {
  const tokens = tokensOf(log, id);
  const text = String.fromCharCode(...tokens.map(({ tokenId }) => tokenId));
  const hasStop = (numTokens: number) => stop.some((s) => text.slice(0, numTokens).includes(s));
  const ends: [reason: FinishReason, at: At | undefined][] = [
    ["abort", log.findIndex((event) => event.kind === "abort" && event.id === id)],
    ["error", log.findIndex(({ kind }, at) => kind === "failure" && wasPlanned(log, at, id))],
    ["stop", tokens.find((_, i) => hasStop(i + 1))?.at],
    ["length", tokens[maxTokens - 1]?.at],
  ];
  const reached = ends.flatMap(([reason, at = -1]) => (at < 0 ? [] : [{ reason, at }]));
  return reached.sort((a, b) => a.at - b.at)[0] ?? null;
}

/** @returns whether the latest plan before `at` included the sequence */
function wasPlanned(log: readonly LogEvent[], at: At, id: string): boolean {
  const plan = log.slice(0, at).findLast((event) => event.kind === "plan");
  return plan?.scheduled.some((part) => part.id === id) ?? false;
}

function* gauges(lives: readonly Life[], numBlocks: number): Generator<[string, number]> {
  const running = lives.filter(({ isRunning }) => isRunning);
  const waiting = lives.filter(({ isRunning, end }) => !isRunning && end === null);
  const deferred = waiting.filter((life) => isDeferred(life, lives));
  yield ["vllm:num_requests_running{}", running.length];
  yield ["vllm:num_requests_waiting{}", waiting.length];
  const byReason = (reason: string) => `vllm:num_requests_waiting_by_reason{reason="${reason}"}`;
  yield [byReason("capacity"), waiting.length - deferred.length];
  yield [byReason("deferred"), deferred.length];
  const held = new Set(running.flatMap(({ blockIds }) => blockIds));
  yield ["vllm:kv_cache_usage_perc{}", held.size / (numBlocks - 1)];
}

/**
 * Whether the sequence is waiting until the first of its request's n sequences has computed the shared
 * prompt.
 */
function isDeferred({ add: { id, parentId }, scheduledS }: Life, lives: readonly Life[]): boolean {
  const source = lives.find(({ add }) => add.parentId === parentId);
  if (source === undefined || source.add.id === id || scheduledS !== null) return false;
  return source.end === null && source.tokens.length === 0 && source.preemptedAt.length === 0;
}

function* tokenCounters(lives: readonly Life[]): Generator<[string, number]> {
  const prefilled = lives.filter(({ tokens }) => tokens.length > 0);
  const numPromptTokens = sum(prefilled, ({ add }) => add.numPromptTokens);
  const numCached = sum(prefilled, ({ numCachedTokens }) => numCachedTokens);
  yield ["vllm:prompt_tokens_total{}", numPromptTokens];
  yield ["vllm:prompt_tokens_cached_total{}", numCached];
  const bySource = {
    local_compute: numPromptTokens - numCached,
    local_cache_hit: numCached,
    external_kv_transfer: 0,
  };
  for (const [source, value] of Object.entries(bySource)) {
    yield [`vllm:prompt_tokens_by_source_total{source="${source}"}`, value];
  }
  for (const tier of ["device", "host", "disk", "p2p", "external_unspecified"]) {
    const value = tier === "device" ? numCached : 0;
    yield [`vllm:prompt_tokens_cached_by_source_total{source="${tier}"}`, value];
  }
  yield ["vllm:generation_tokens_total{}", sum(lives, ({ tokens }) => tokens.length)];
  const lookedUp = lives.filter(({ add, scheduledS }) => add.readsCache && scheduledS !== null);
  yield [
    "vllm:prefix_cache_queries_total{}",
    sum(lookedUp, ({ add: { numPromptTokens } }) => numPromptTokens),
  ];
  yield ["vllm:prefix_cache_hits_total{}", sum(lookedUp, (life) => life.numCachedTokens)];
}

function* requestCounters(lives: readonly Life[]): Generator<[string, number]> {
  for (const reason of ["stop", "length", "abort", "error"]) {
    const ended = lives.filter(({ end }) => end?.reason === reason);
    yield [`vllm:request_success_total{finished_reason="${reason}"}`, ended.length];
  }
  yield ["vllm:num_preemptions_total{}", sum(lives, numToldPreemptions)];
  yield ["vllm:corrupted_requests_total{}", 0];
}

/** Counts reported preemptions. A preemption is reported with the next output: a token or the end. */
function numToldPreemptions({ preemptedAt, tokens, end }: Life): number {
  const lastOutputAt = Math.max(tokens.at(-1)?.at ?? -1, end?.at ?? -1);
  return preemptedAt.filter((at) => at < lastOutputAt).length;
}

function* outputObservations(
  log: readonly LogEvent[],
  lives: readonly Life[],
): Generator<[string, number[]]> {
  yield [
    "time_to_first_token_seconds",
    lives.flatMap(({ add, tokens: [first] }) =>
      first === undefined ? [] : [toldS(log, first.at) - add.arrivalS],
    ),
  ];
  const gaps = lives.flatMap(({ tokens }) =>
    tokens.slice(1).map(({ engineS }, i) => engineS - (tokens[i]?.engineS ?? Number.NaN)),
  );
  yield ["inter_token_latency_seconds", gaps];
  yield ["time_per_output_token_seconds", gaps];
  const reported = lives.flatMap(({ add: { numPromptTokens }, tokens }) =>
    tokens.map(({ at }, i) => ({
      reportedAt: reportedAt(log, at),
      size: 1 + (i === 0 ? numPromptTokens : 0),
    })),
  );
  const sizes = [...Map.groupBy(reported, (token) => token.reportedAt).values()].map((tokens) =>
    sum(tokens, ({ size }) => size),
  );
  yield ["iteration_tokens_total", sizes];
}

function* finishObservations(
  log: readonly LogEvent[],
  lives: readonly Life[],
): Generator<[string, number[]]> {
  const finished = lives.flatMap((life) => {
    const { add, end, tokens, scheduledS } = life;
    if (end === null) return [];
    const firstS = tokens.at(0)?.engineS ?? null;
    const lastS = tokens.at(-1)?.engineS ?? null;
    return [
      {
        ...life,
        e2eS: toldS(log, end.at) - add.arrivalS,
        queueS: between(add.engineS, scheduledS),
        prefillS: between(scheduledS, firstS),
        decodeS: between(firstS, lastS),
        inferenceS: between(scheduledS, lastS),
      },
    ];
  });
  const of = (observe: (life: (typeof finished)[number]) => number) => finished.map(observe);
  yield ["e2e_request_latency_seconds", of(({ e2eS }) => e2eS)];
  yield ["request_queue_time_seconds", of(({ queueS }) => queueS)];
  yield ["request_prefill_time_seconds", of(({ prefillS }) => prefillS)];
  yield ["request_decode_time_seconds", of(({ decodeS }) => decodeS)];
  yield ["request_inference_time_seconds", of(({ inferenceS }) => inferenceS)];
  yield [
    "request_time_per_output_token_seconds",
    of(({ decodeS, tokens }) => (tokens.length > 1 ? decodeS / (tokens.length - 1) : 0)),
  ];
  yield ["request_prompt_tokens", of(({ add }) => add.numPromptTokens)];
  yield ["request_generation_tokens", of(({ tokens }) => tokens.length)];
  yield ["request_params_max_tokens", of(({ add }) => add.maxTokens)];
  yield [
    "request_prefill_kv_computed_tokens",
    of(({ add, numCachedTokens }) => add.numPromptTokens - numCachedTokens),
  ];
  yield ["request_num_preemptions", of(numToldPreemptions)];
}

/** Observations of requests whose n sequences have all ended. */
function* parentObservations(lives: readonly Life[]): Generator<[string, number[]]> {
  const families = [...Map.groupBy(lives, ({ add }) => add.parentId).values()];
  const finished = families.filter((all) => all.every(({ end }) => end !== null));
  yield ["request_params_n", finished.map((all) => all.length)];
  yield [
    "request_max_num_generation_tokens",
    finished.map((all) => Math.max(...all.map(({ tokens }) => tokens.length))),
  ];
}

/** Index of the message that reports the event at `at`. */
function reportedAt(log: readonly LogEvent[], at: At): At {
  return log.findIndex(({ kind }, index) => kind === "message" && index > at);
}

function toldS(log: readonly LogEvent[], at: At): number {
  const message = log[reportedAt(log, at)];
  return message?.kind === "message" ? message.frontS : Number.NaN;
}

/** Time between two marks; 0 if either was not reached. */
function between(fromS: number | null, toS: number | null): number {
  return fromS === null || toS === null ? 0 : toS - fromS;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

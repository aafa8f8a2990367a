// An engine with the fake model that logs its events, on two manual clocks. The log is recorded outside the
// engine: added and aborted sequences, planned steps, tokens that the model returns, and the arrival of
// messages.

import { EngineError } from "../../src/errors.ts";
import { knownTokens } from "../../src/front/request-tracker.ts";
import type { Request } from "../../src/request/request.ts";
import type { SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type { StepPlan, StepResult } from "../../src/scheduler/scheduler-output.ts";
import { makeEngine } from "../support/fake-engine.ts";
import { makeMetrics } from "./fixtures.ts";

/** Arrival of a sequence at the engine. */
export interface AddEvent {
  readonly kind: "add";
  readonly id: string;
  /** Id shared by the n sequences of a request. */
  readonly parentId: string;
  readonly numPromptTokens: number;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly readsCache: boolean;
  readonly engineS: number;
  /** Time on the front's clock. */
  readonly arrivalS: number;
}

export interface PlannedSequence {
  readonly id: string;
  readonly numComputedTokens: number;
  readonly blockIds: readonly number[];
}

export type LogEvent =
  | AddEvent
  | { readonly kind: "abort"; readonly id: string }
  | {
      readonly kind: "plan";
      readonly engineS: number;
      readonly scheduled: readonly PlannedSequence[];
      readonly preempted: readonly string[];
    }
  /** Tokens that the model sampled: [sequence id, token id]. */
  | {
      readonly kind: "result";
      readonly engineS: number;
      readonly tokens: readonly (readonly [string, number])[];
    }
  /** Failure of the latest plan. */
  | { readonly kind: "failure" }
  /** Arrival of a message, which reports all events since the previous message. */
  | { readonly kind: "message"; readonly frontS: number };

export interface LoggedEngineOptions {
  readonly scheduler: Partial<SchedulerConfig> & { readonly numBlocks: number };
  /** Duration of the next step. Multiples of 1/8 second keep sums exact. */
  readonly stepDurationS: () => number;
  /** Called in the middle of each step, after delivery of all messages about earlier steps. */
  readonly duringStep: () => Promise<void>;
}

/** Offset of the front's clock, so large that a value that mixes the two clocks is obvious. */
const FRONT_AHEAD_S = 1_000_000;

export function loggedEngine(options: LoggedEngineOptions) {
  const log: LogEvent[] = [];
  let engineS = 100;
  const frontS = () => engineS + FRONT_AHEAD_S;
  const metrics = makeMetrics({ showHiddenFor: "0.12" });
  const note = { record: () => log.push({ kind: "message" as const, frontS: frontS() }) };
  const parts = makeEngine({
    scheduler: options.scheduler,
    nowMs: () => engineS * 1000,
    engine: { nowMs: () => frontS() * 1000, listeners: [note, metrics] },
  });
  const { client, runner, engine } = parts;

  const add = client.add.bind(client);
  client.add = (request) => {
    const { requestIds, prompt, samplingParams: params } = request;
    for (const [index, id] of requestIds.entries()) {
      const [parentId = ""] = id.split("-");
      log.push({
        ...{ kind: "add", id, parentId, numPromptTokens: knownTokens(prompt) },
        ...{ maxTokens: params.maxTokens, stop: params.stop },
        readsCache: index > 0 || params.promptLogprobs === null,
        ...{ engineS, arrivalS: frontS() },
      });
    }
    return add(request);
  };

  const abort = client.abort.bind(client);
  client.abort = (ids) => {
    for (const id of ids) log.push({ kind: "abort", id });
    abort(ids);
  };

  /** Requests that were planned and have not been preempted since. */
  const running = new Set<Request>();
  const run = runner.run.bind(runner);
  runner.run = async (plan) => {
    log.push(planEvent(plan, running, engineS));
    await null; // lets the engine report the results of the previous step
    await options.duringStep();
    engineS += options.stepDurationS();
    try {
      const result = await run(plan);
      log.push(resultEvent(plan, result, engineS));
      return result;
    } catch (error) {
      if (error instanceof EngineError) log.push({ kind: "failure" });
      throw error;
    }
  };
  return { log, metrics, engine, runner, frontS };
}

/** @param running updated to the requests that run after the plan */
function planEvent({ scheduled }: StepPlan, running: Set<Request>, engineS: number): LogEvent {
  const preempted = [...running].filter(({ status }) => status === "PREEMPTED");
  for (const request of preempted) running.delete(request);
  for (const { request } of scheduled) running.add(request);
  return {
    kind: "plan",
    engineS,
    scheduled: scheduled.map(({ request, numComputedTokens, blockIds }) => ({
      id: request.requestId,
      numComputedTokens,
      blockIds: [...blockIds],
    })),
    preempted: preempted.map(({ requestId }) => requestId),
  };
}

function resultEvent(plan: StepPlan, { results }: StepResult, engineS: number): LogEvent {
  const tokens = plan.scheduled.flatMap(({ request }, i) =>
    (results[i]?.tokenIds ?? []).map((tokenId) => [request.requestId, tokenId] as const),
  );
  return { kind: "result", engineS, tokens };
}

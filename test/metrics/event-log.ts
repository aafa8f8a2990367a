// An engine over the fake model that logs its events, on two manual clocks. The log is taken outside the
// engine: what is added and aborted, what each step plans, which tokens the model returns, and when a
// message arrives.

import { EngineError } from "../../src/errors.ts";
import { knownTokens } from "../../src/front/request-tracker.ts";
import type { Request } from "../../src/request/request.ts";
import type { SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type { StepPlan, StepResult } from "../../src/scheduler/scheduler-output.ts";
import { makeEngine } from "../support/fake-engine.ts";
import { makeMetrics } from "./fixtures.ts";

/** A sequence reaches the engine. */
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
  /** Front clock. */
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
  /** The latest plan failed. */
  | { readonly kind: "failure" }
  /** A message reports all earlier events that have not been reported yet. */
  | { readonly kind: "message"; readonly frontS: number };

export interface LoggedEngineOptions {
  readonly scheduler: Partial<SchedulerConfig> & { readonly numBlocks: number };
  /** Duration of the step that begins. A multiple of 1/8 second, so that sums are exact. */
  readonly stepDurationS: () => number;
  /** In the middle of each step, when every message about the previous steps has been delivered. */
  readonly duringStep: () => Promise<void>;
}

/** The front's clock is far from the engine's, so a value that mixes the two would show. */
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

  /** Planned before, and not preempted since. */
  const running = new Set<Request>();
  const run = runner.run.bind(runner);
  runner.run = async (plan) => {
    log.push(planEvent(plan, running, engineS));
    await null; // the engine reports the results of the previous step
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

/** @param running set to the ids that run after the plan */
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

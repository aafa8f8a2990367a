// Decides how many drafts a step verifies: as many as speed up the output, given the measured cost of drafts and the
// share of a request's recent drafts that were accepted. Needs no clock, since results include durations.

import type { Request } from "../request/request.ts";
import { DraftCost } from "./draft-cost.ts";
import type { ScheduledRequest, StepPlan, StepResult } from "./scheduler-output.ts";

/** Limits that the operator sets. */
export interface DraftLimits {
  /** Maximum number of drafts per request and step, at least 1. */
  readonly numSpeculativeTokens: number;
  /** Steps with more requests than this verify no drafts; null = no limit. */
  readonly disableByBatchSize: number | null;
}

/**
 * Weights of a request's older drafts after a step that verified drafts, and after a step that verified none although
 * some were proposed.
 */
const KEEP_VERIFIED = 0.9;
const KEEP_UNUSED = 0.99;

/**
 * Acceptance rate assumed before the first draft, and the weight of the rate of all requests in the rate of one
 * request.
 */
const ASSUMED_RATE = 0.5;
const ASSUMED_DRAFTS = 1;

export class DraftPolicy {
  readonly #limits: DraftLimits;
  readonly #cost = new DraftCost();
  readonly #all = new Acceptance();
  readonly #byRequest = new WeakMap<Request, Acceptance>();

  constructor(limits: DraftLimits) {
    this.#limits = limits;
  }

  /**
   * Begins a step.
   * @param numRequests number of requests in the step
   * @param numDecodes number of these requests that sample a token
   */
  startStep(numRequests: number, numDecodes: number): DraftRoom | null {
    const { disableByBatchSize, numSpeculativeTokens } = this.#limits;
    if (disableByBatchSize !== null && numRequests > disableByBatchSize) return null;
    const cost = this.#cost.costOfDraft(numDecodes);
    if (cost === null) return null;
    return new DraftRoom(cost, numDecodes, (request, numProposed) => ({
      rate: this.#rate(request, numProposed),
      max: Math.min(numProposed, numSpeculativeTokens),
    }));
  }

  /** Learns from a step. Must be called before tokens are appended to the requests. */
  learn({ scheduled }: StepPlan, { results, forwardMs, samplingMs }: StepResult): void {
    let numDraftTokens = 0;
    scheduled.forEach((entry, i) => {
      numDraftTokens += entry.numDraftTokens;
      const numTokens = results[i]?.tokenIds.length ?? 0;
      const isUncertain = entry.numDraftTokens > 0 && !entry.request.isDraftCertain;
      if (isUncertain) this.#learnAccepted(entry, numTokens - 1);
    });
    const durationMs = forwardMs + samplingMs;
    const isDecode = scheduled.every(decodes);
    const hasCatchUp = scheduled.some(({ catchUp }) => catchUp !== undefined);
    const step = { numDecodes: scheduled.length, numDraftTokens, hasCatchUp, durationMs };
    this.#cost.learn(isDecode ? step : null);
  }

  #learnAccepted({ request, numDraftTokens }: ScheduledRequest, numAccepted: number): void {
    const hasRejected = numAccepted < numDraftTokens;
    this.#of(request).add(numAccepted, hasRejected);
    this.#all.add(numAccepted, hasRejected);
  }

  /** @returns the probability that a request's next draft is accepted if those before it are */
  #rate(request: Request, numProposed: number): number {
    if (request.isDraftCertain) return 1;
    const own = this.#of(request);
    if (numProposed > 0) {
      own.fade(KEEP_UNUSED);
      this.#all.fade(KEEP_UNUSED);
    }
    return own.rate(this.#all.rate(ASSUMED_RATE));
  }

  #of(request: Request): Acceptance {
    const known = this.#byRequest.get(request);
    if (known !== undefined) return known;
    const acceptance = new Acceptance();
    this.#byRequest.set(request, acceptance);
    return acceptance;
  }
}

/** Accepted drafts and the first rejected drafts after them, exponentially decayed. */
class Acceptance {
  #numAccepted = 0;
  #numRejected = 0;

  add(numAccepted: number, hasRejected: boolean): void {
    this.fade(KEEP_VERIFIED);
    this.#numAccepted += numAccepted;
    this.#numRejected += hasRejected ? 1 : 0;
  }

  fade(keep: number): void {
    this.#numAccepted *= keep;
    this.#numRejected *= keep;
  }

  rate(assumed: number): number {
    const numDrafts = this.#numAccepted + this.#numRejected;
    return (this.#numAccepted + ASSUMED_DRAFTS * assumed) / (numDrafts + ASSUMED_DRAFTS);
  }
}

type Prospects = (request: Request, numProposed: number) => { rate: number; max: number };

/** A step's expected tokens and time while drafts are added to it. */
class DraftRoom {
  readonly #costOfDraft: number;
  readonly #prospects: Prospects;
  #numTokens: number;
  /** Expected time, in steps without drafts. */
  #time = 1;

  constructor(costOfDraft: number, numDecodes: number, prospects: Prospects) {
    this.#costOfDraft = costOfDraft;
    this.#numTokens = numDecodes;
    this.#prospects = prospects;
  }

  /** Adds those of a request's drafts that are worth their time. @returns their number, at most `numProposed` */
  take(request: Request, numProposed: number): number {
    const { rate, max } = this.#prospects(request, numProposed);
    let best = 0;
    let bestSpeed = this.#numTokens / this.#time;
    for (const length of lengthsUpTo(max)) {
      const numTokens = this.#numTokens + expectedTokens(rate, length);
      const speed = numTokens / (this.#time + this.#costOfDraft * length);
      if (speed <= bestSpeed) continue;
      best = length;
      bestSpeed = speed;
    }
    this.#numTokens += expectedTokens(rate, best);
    this.#time += this.#costOfDraft * best;
    return best;
  }
}

/** @returns the expected number of accepted drafts: the sum of rate^i for i in 1..length */
function expectedTokens(rate: number, length: number): number {
  return rate === 1 ? length : (rate * (1 - rate ** length)) / (1 - rate);
}

/**
 * Numbers of drafts to choose from: those that add up to a power of two with the token before them, and `max`. With
 * fewer choices, the shape of steps changes less often; each change costs llama.cpp a new graph.
 */
function lengthsUpTo(max: number): number[] {
  const lengths: number[] = [];
  for (let length = 1; length < max; length = 2 * length + 1) lengths.push(length);
  if (max > 0) lengths.push(max);
  return lengths;
}

/** @returns true if an entry computes one known token and any drafts after it */
const decodes = ({ output, numScheduledTokens, numDraftTokens }: ScheduledRequest) =>
  output === "tokens" && numScheduledTokens === numDraftTokens + 1;

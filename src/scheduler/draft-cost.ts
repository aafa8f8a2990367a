// Measures the cost of drafts: the time that they add to a step, relative to the same step without drafts. Costs are
// kept separately for different numbers of decoding requests, since drafts are almost free for one request and as
// expensive as any other token for many. Costs include the time lost when the step shape changes.

/** Token count and duration of a step in which every request is decoding. */
export interface DecodeStep {
  /** Number of requests. */
  readonly numDecodes: number;
  readonly numDraftTokens: number;
  /** Whether the draft model computed known tokens, which only drafts need. Absent = false. */
  readonly hasCatchUp?: boolean;
  /** Duration of the forward pass and sampling. */
  readonly durationMs: number;
}

interface Measured {
  /** Moving average duration of a step without drafts; 0 before the first one. */
  plainMs: number;
  /** Time that drafts added to their steps, and the number of drafts, both exponentially decayed. */
  addedMs: number;
  numDrafts: number;
}

/** Factors applied to the old value each time a new one is added. */
const KEEP_PLAIN = 0.75;
const KEEP_DRAFTS = 0.9;

/**
 * Weight of old costs after a step without drafts. Old costs fade, so that drafts that were too expensive are tried
 * again from time to time.
 */
const KEEP_UNUSED = 0.995;

/** Assumed cost of a draft relative to one request's share of a step, with the weight of this many drafts. */
const ASSUMED_COST = 0.25;
const ASSUMED_DRAFTS = 0.5;

export class DraftCost {
  /** Index: number of decoding requests, in powers of two, rounded up. */
  readonly #measured: Measured[] = [];
  #last: DecodeStep | null = null;

  /** @returns the time a draft adds, as a multiple of a draft-free step; null before the first draft-free step */
  costOfDraft(numDecodes: number): number | null {
    const { plainMs, addedMs, numDrafts } = this.#at(numDecodes);
    if (plainMs === 0) return null;
    const assumed = (ASSUMED_COST * ASSUMED_DRAFTS) / numDecodes;
    return (addedMs / plainMs + assumed) / (numDrafts + ASSUMED_DRAFTS);
  }

  /**
   * Learns from a step; null = the step also computed tokens other than those of decoding requests and their drafts.
   */
  learn(step: DecodeStep | null): void {
    const last = this.#last;
    this.#last = step;
    if (step === null) return;
    const { numDecodes, numDraftTokens, hasCatchUp = false, durationMs } = step;
    const measured = this.#at(numDecodes);
    const isSameShape = last?.numDecodes === numDecodes;
    if (numDraftTokens > 0 || hasCatchUp)
      addDrafts(measured, durationMs, numDraftTokens, KEEP_DRAFTS);
    else if (isSameShape && last.numDraftTokens > 0) addDrafts(measured, durationMs, 0, 1);
    else if (isSameShape) addPlain(measured, durationMs);
  }

  #at(numDecodes: number): Measured {
    const index = Math.ceil(Math.log2(Math.max(1, numDecodes)));
    this.#measured[index] ??= { plainMs: 0, addedMs: 0, numDrafts: 0 };
    return this.#measured[index];
  }
}

function addPlain(measured: Measured, durationMs: number): void {
  const { plainMs } = measured;
  // The cap keeps a single interruption from skewing the cost.
  const limited = plainMs === 0 ? durationMs : Math.min(durationMs, 2 * plainMs);
  measured.plainMs = plainMs === 0 ? limited : KEEP_PLAIN * plainMs + (1 - KEEP_PLAIN) * limited;
  measured.addedMs *= KEEP_UNUSED;
  measured.numDrafts *= KEEP_UNUSED;
}

/** Adds the time beyond that of a draft-free step, capped at one such step per draft. */
function addDrafts(measured: Measured, durationMs: number, numDrafts: number, keep: number): void {
  const { plainMs } = measured;
  const addedMs = Math.max(0, Math.min(durationMs - plainMs, plainMs * Math.max(1, numDrafts)));
  measured.addedMs = keep * measured.addedMs + (plainMs === 0 ? 0 : addedMs);
  measured.numDrafts = keep * measured.numDrafts + numDrafts;
}

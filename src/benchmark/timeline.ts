// What the client saw of one request. All times are performance.now() of the client.

/** One event that brought tokens. */
export interface TokenEvent {
  readonly atMs: number;
  /** Which of the n sequences. */
  readonly choice: number;
}

export interface RequestTimeline {
  readonly startMs: number;
  /** In order of arrival. */
  readonly events: readonly TokenEvent[];
  /** As the server counted; of a request that was cut off: the events. */
  readonly numOutputTokens: number;
  readonly numPromptTokens: number;
  /** Concatenated text of choice 0. */
  readonly text: string;
  /** Null when the answer came to its end. */
  readonly error: string | null;
  /** We ended it: its figures are not those of a whole request. */
  readonly isCut: boolean;
}

/** Start to first token, ms; null without a token. */
export function ttftMs({ startMs, events }: RequestTimeline): number | null {
  const first = events[0];
  return first === undefined ? null : first.atMs - startMs;
}

/** Start to last token, ms; null without a token. */
export function e2elMs({ startMs, events }: RequestTimeline): number | null {
  const last = events.at(-1);
  return last === undefined ? null : last.atMs - startMs;
}

/** (E2E - TTFT) / (tokens - 1), ms; null for fewer than two tokens. */
export function tpotMs(timeline: RequestTimeline): number | null {
  const [first, last] = [timeline.events[0], timeline.events.at(-1)];
  if (first === undefined || last === undefined || timeline.numOutputTokens < 2) return null;
  return (last.atMs - first.atMs) / (timeline.numOutputTokens - 1);
}

/** A gap between two tokens of one sequence: `[startMs, endMs)`. */
export interface Gap {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Gaps between a sequence's tokens. Tokens that had no event of their own came with another: each is a
 * gap of 0, so k tokens at once are one gap and k - 1 zeros.
 */
export function gapsOf({ events, numOutputTokens, isCut }: RequestTimeline): Gap[] {
  const lastOf = new Map<number, number>();
  const gaps: Gap[] = [];
  for (const { atMs, choice } of events) {
    const startMs = lastOf.get(choice);
    if (startMs !== undefined) gaps.push({ startMs, endMs: atMs });
    lastOf.set(choice, atMs);
  }
  const numTogether = isCut ? 0 : numOutputTokens - events.length;
  const end = events.at(-1)?.atMs ?? 0;
  for (let i = 0; i < numTogether; i++) gaps.push({ startMs: end, endMs: end });
  return gaps;
}

export const itlsMs = (timeline: RequestTimeline): number[] =>
  gapsOf(timeline).map(({ startMs, endMs }) => endMs - startMs);

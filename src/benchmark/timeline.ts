// The client's record of one request. All times are from the client's performance.now().

/** One event with tokens. */
export interface TokenEvent {
  readonly atMs: number;
  /** Index of the sequence, in [0, n). */
  readonly choice: number;
}

export interface RequestTimeline {
  readonly startMs: number;
  /** Events in order of arrival. */
  readonly events: readonly TokenEvent[];
  /** Token count reported by the server; for a request that was cut off, the number of events. */
  readonly numOutputTokens: number;
  readonly numPromptTokens: number;
  /** Concatenated text of choice 0. */
  readonly text: string;
  /** Null when the answer is complete. */
  readonly error: string | null;
  /** Whether the client ended the request, so its figures do not describe a whole request. */
  readonly isCut: boolean;
}

/** @returns time from start to first token, ms; null if there was no token */
export function ttftMs({ startMs, events }: RequestTimeline): number | null {
  const first = events[0];
  return first === undefined ? null : first.atMs - startMs;
}

/** @returns time from start to last token, ms; null if there was no token */
export function e2elMs({ startMs, events }: RequestTimeline): number | null {
  const last = events.at(-1);
  return last === undefined ? null : last.atMs - startMs;
}

/** @returns (E2E - TTFT) / (tokens - 1), ms; null for fewer than two tokens */
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
 * @returns gaps between a sequence's tokens. Tokens that share an event are 0 apart, so k tokens at once are
 *   one gap and k - 1 zeros.
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

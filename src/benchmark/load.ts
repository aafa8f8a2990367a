// Ways to load a server: one after the other, so many at a time, and so many streams that only decode.

import { setTimeout as sleep } from "node:timers/promises";
import { type CompletionSpec, complete, type Target } from "./completion.ts";
import { gammaOfMeanOne } from "./prompts.ts";
import type { RequestTimeline } from "./timeline.ts";

export interface Load {
  readonly timelines: readonly RequestTimeline[];
  /** First request's start to the last one's end. */
  readonly durationS: number;
}

/** How a loop of requests goes on. */
export interface LoopOptions {
  readonly concurrency: number;
  /** No new request after this time, ms. */
  readonly untilMs?: number;
  /** No more requests than this. */
  readonly maxRequests?: number;
  /** Requests still in progress then are cut off, ms. */
  readonly cutMs?: number;
}

/** Closed loop: each of `concurrency` clients sends its next request when the last one is answered. */
export async function closedLoop(
  target: Target,
  specOf: (index: number) => CompletionSpec,
  options: LoopOptions,
): Promise<Load> {
  const { concurrency, untilMs = Infinity, maxRequests = Infinity, cutMs } = options;
  const signal = cutMs === undefined ? {} : { signal: AbortSignal.timeout(cutMs) };
  const timelines: RequestTimeline[] = [];
  const startMs = performance.now();
  let numStarted = 0;
  const client = async () => {
    do {
      timelines.push(await complete(target, specOf(numStarted++), signal));
    } while (numStarted < maxRequests && performance.now() - startMs < untilMs);
  };
  const numClients = Math.min(concurrency, maxRequests);
  await Promise.all(Array.from({ length: numClients }, client));
  return { timelines, durationS: (performance.now() - startMs) / 1000 };
}

/** All at once, each to its end. */
export function allAtOnce(target: Target, specs: readonly CompletionSpec[]): Promise<Load> {
  const none: CompletionSpec = { prompt: [0], maxTokens: 1 };
  const specOf = (i: number) => specs[i] ?? none;
  const numSpecs = specs.length;
  return closedLoop(target, specOf, { concurrency: numSpecs, maxRequests: numSpecs });
}

/** How requests arrive that wait for nobody. */
export interface ArrivalOptions {
  /** Requests a second. */
  readonly rate: number;
  /** Gamma's shape: 1 = Poisson, less = burstier. */
  readonly burstiness: number;
  readonly maxRequests: number;
  /** Those beyond it wait here. */
  readonly concurrency: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Open loop: requests arrive by a clock, whatever the server does. */
export async function openLoop(
  target: Target,
  specOf: (index: number) => CompletionSpec,
  options: ArrivalOptions,
): Promise<Load> {
  const { rate, burstiness, maxRequests, concurrency, random } = options;
  const startMs = performance.now();
  const running = new Set<Promise<RequestTimeline>>();
  const all: Promise<RequestTimeline>[] = [];
  let atMs = 0;
  for (let i = 0; i < maxRequests; i++) {
    await sleep(Math.max(0, startMs + atMs - performance.now()));
    while (running.size >= concurrency) await Promise.race(running);
    const request = complete(target, specOf(i));
    running.add(request);
    all.push(request.finally(() => running.delete(request)));
    atMs += (1000 / rate) * gammaOfMeanOne(random, burstiness);
  }
  const timelines = await Promise.all(all);
  return { timelines, durationS: (performance.now() - startMs) / 1000 };
}

/** The time in which all streams decoded, on the client's clock: [startMs, endMs]. */
export interface DecodeWindow extends Load {
  readonly startMs: number;
  readonly endMs: number;
}

/** After a cut the server may need a moment to see that nobody reads. */
const SETTLE_MS = 100;

/**
 * Starts all streams and cuts them off when they have decoded together for `maxMs`, or when the first of
 * them ends. Ramp-up and drain lie outside of the window.
 */
export async function decodeTogether(
  target: Target,
  specs: readonly CompletionSpec[],
  maxMs: number,
): Promise<DecodeWindow> {
  const stop = new AbortController();
  const began = performance.now();
  let numDecoding = 0;
  let startMs = Number.NaN;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onToken = (numEvents: number) => {
    if (numEvents !== 1 || ++numDecoding < specs.length) return;
    startMs = performance.now();
    timer = setTimeout(() => stop.abort(), maxMs);
  };
  const running = specs.map(async (spec) => {
    const timeline = await complete(target, spec, { signal: stop.signal, onToken });
    if (!stop.signal.aborted) stop.abort();
    return timeline;
  });
  const timelines = await Promise.all(running);
  clearTimeout(timer);
  const endMs = performance.now();
  await sleep(SETTLE_MS);
  return { timelines, startMs, endMs, durationS: (endMs - began) / 1000 };
}

/** Tokens a second of all streams within their window; a stream counts from its first event in it. */
export function decodeRate({ timelines, startMs, endMs }: DecodeWindow): number {
  let rate = 0;
  for (const { events } of timelines) {
    const inside = events.filter(({ atMs }) => atMs >= startMs && atMs <= endMs);
    const [first, last] = [inside[0], inside.at(-1)];
    // Tokens that all came at the same moment tell no rate.
    if (first === undefined || last === undefined || first.atMs === last.atMs) continue;
    rate += ((inside.length - 1) * 1000) / (last.atMs - first.atMs);
  }
  return rate;
}

// Load patterns for a server: a closed loop of clients, scheduled arrivals, and streams that only decode.

import { setTimeout as sleep } from "node:timers/promises";
import { measureRequest, type RequestSpec, type Target } from "./measured-request.ts";
import { gammaOfMeanOne } from "./prompts.ts";
import type { RequestTimeline } from "./timeline.ts";

export interface Load {
  readonly timelines: readonly RequestTimeline[];
  /** Time from the start of the first request to the end of the last. */
  readonly durationS: number;
}

/** Limits of a closed loop. */
export interface LoopOptions {
  readonly concurrency: number;
  /** Time after which no new requests are sent, ms. */
  readonly untilMs?: number;
  /** Maximum number of requests. */
  readonly maxRequests?: number;
  /** Time at which requests still in progress are cut off, ms. */
  readonly cutMs?: number;
}

/** Runs a closed loop: each of `concurrency` clients sends its next request after the previous answer. */
export async function closedLoop(
  target: Target,
  specOf: (index: number) => RequestSpec,
  options: LoopOptions,
): Promise<Load> {
  const { concurrency, untilMs = Infinity, maxRequests = Infinity, cutMs } = options;
  const signal = cutMs === undefined ? {} : { signal: AbortSignal.timeout(cutMs) };
  const timelines: RequestTimeline[] = [];
  const startMs = performance.now();
  let numStarted = 0;
  const client = async () => {
    do {
      timelines.push(await measureRequest(target, specOf(numStarted++), signal));
    } while (numStarted < maxRequests && performance.now() - startMs < untilMs);
  };
  const numClients = Math.min(concurrency, maxRequests);
  await Promise.all(Array.from({ length: numClients }, client));
  return { timelines, durationS: (performance.now() - startMs) / 1000 };
}

/** Sends all requests at once and waits until they have finished. */
export function allAtOnce(target: Target, specs: readonly RequestSpec[]): Promise<Load> {
  const none: RequestSpec = { prompt: [0], maxTokens: 1 };
  const specOf = (i: number) => specs[i] ?? none;
  const numSpecs = specs.length;
  return closedLoop(target, specOf, { concurrency: numSpecs, maxRequests: numSpecs });
}

/** Arrivals of an open loop. */
export interface ArrivalOptions {
  /** Requests per second. */
  readonly rate: number;
  /** Shape of the gamma distribution: 1 = Poisson, less = burstier. */
  readonly burstiness: number;
  readonly maxRequests: number;
  /** Maximum number of requests in flight; further requests wait in the client. */
  readonly concurrency: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Runs an open loop: requests arrive on schedule, no matter how fast the server is. */
export async function openLoop(
  target: Target,
  specOf: (index: number) => RequestSpec,
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
    const request = measureRequest(target, specOf(i));
    running.add(request);
    all.push(request.finally(() => running.delete(request)));
    atMs += (1000 / rate) * gammaOfMeanOne(random, burstiness);
  }
  const timelines = await Promise.all(all);
  return { timelines, durationS: (performance.now() - startMs) / 1000 };
}

/** A load, and the interval in which all its streams decoded, on the client's clock: [startMs, endMs]. */
export interface DecodeWindow extends Load {
  readonly startMs: number;
  readonly endMs: number;
}

/** Pause after cutting off streams, so the server can notice that the clients are gone. */
const SETTLE_MS = 100;

/**
 * Starts all streams and cuts them off when they have decoded together for `maxMs`, or when the first stream
 * ends. Ramp-up and drain are outside the window.
 */
export async function decodeTogether(
  target: Target,
  specs: readonly RequestSpec[],
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
    const timeline = await measureRequest(target, spec, { signal: stop.signal, onToken });
    if (!stop.signal.aborted) stop.abort();
    return timeline;
  });
  const timelines = await Promise.all(running);
  clearTimeout(timer);
  const endMs = performance.now();
  await sleep(SETTLE_MS);
  return { timelines, startMs, endMs, durationS: (endMs - began) / 1000 };
}

/** @returns total tokens per second within the window; a stream counts from its first event in the window */
export function decodeRate({ timelines, startMs, endMs }: DecodeWindow): number {
  let rate = 0;
  for (const { events } of timelines) {
    const inside = events.filter(({ atMs }) => atMs >= startMs && atMs <= endMs);
    const [first, last] = [inside[0], inside.at(-1)];
    // Tokens that all arrived at the same moment have no rate.
    if (first === undefined || last === undefined || first.atMs === last.atMs) continue;
    rate += ((inside.length - 1) * 1000) / (last.atMs - first.atMs);
  }
  return rate;
}

// Estimated time until requests in flight end: at the start, in bursts, after idle hours and in stalls.

import { describe, expect, test } from "bun:test";
import { type Arrival, Throughput } from "../../src/front/throughput.ts";

const HOUR_MS = 3_600_000;

/** Sequences of equal length, some of which run at a time while the others wait. */
class Burst {
  readonly throughput: Throughput;
  readonly #waiting: Arrival[] = [];

  constructor(throughput = new Throughput(0)) {
    this.throughput = throughput;
  }

  begin(nowMs: number, count: number): void {
    for (let i = 0; i < count; i++) this.#waiting.push(this.throughput.arrive(nowMs));
    this.throughput.setInFlight(nowMs, this.#waiting.length);
  }

  /** Sequences that were started first. */
  end(nowMs: number, count: number): void {
    for (const arrival of this.#waiting.splice(0, count)) this.throughput.depart(nowMs, arrival);
    this.throughput.setInFlight(nowMs, this.#waiting.length);
  }
}

const secondsLeft = (burst: Burst, nowMs: number) =>
  Math.round(burst.throughput.clearsInMs(nowMs) / 100) / 10;

describe("requests in flight are expected to end", () => {
  test("at once when there are none", () => {
    const burst = new Burst();
    expect(secondsLeft(burst, 0)).toBe(0);
    burst.begin(0, 4);
    burst.end(1000, 4);
    expect(secondsLeft(burst, HOUR_MS)).toBe(0);
  });

  test("before anything has ended, after as long again as they have been in flight", () => {
    const burst = new Burst();
    burst.begin(HOUR_MS, 256);
    expect(secondsLeft(burst, HOUR_MS)).toBe(0);
    expect(secondsLeft(burst, HOUR_MS + 2000)).toBe(2);
  });

  test("in 2.5 s when the first of a burst's two waves of 2.5 s ends", () => {
    const burst = new Burst();
    burst.begin(0, 256);
    burst.end(2500, 128);
    expect(secondsLeft(burst, 2500)).toBe(1.2);
    burst.begin(2500, 128);
    expect(secondsLeft(burst, 2500)).toBe(2.5);
  });

  test("in 5 s for the same burst after an idle hour, as long as the first one took", () => {
    const burst = new Burst();
    burst.begin(0, 256);
    burst.end(2500, 128);
    burst.end(5000, 128);
    burst.begin(HOUR_MS, 256);
    expect(secondsLeft(burst, HOUR_MS)).toBe(5.3);
    expect(secondsLeft(burst, HOUR_MS + 2000)).toBe(5.3);
  });

  test("a 20th of a second apart when 20 end per second, steadily", () => {
    const burst = new Burst();
    burst.begin(0, 300);
    for (let nowMs = 50; nowMs <= 60_000; nowMs += 50) {
      burst.begin(nowMs, 1);
      burst.end(nowMs, 1);
    }
    expect(secondsLeft(burst, 60_000)).toBe(15);
  });

  test("no sooner than the time since the last one ended", () => {
    const burst = new Burst();
    burst.begin(0, 10);
    burst.end(100, 5);
    expect(secondsLeft(burst, 100)).toBe(0.1);
    expect(secondsLeft(burst, 20_100)).toBe(20);
  });

  test("regardless of requests that end instantly", () => {
    const burst = new Burst();
    burst.begin(0, 10);
    burst.end(1000, 5);
    const before = secondsLeft(burst, 1000);
    burst.begin(1000, 1);
    burst.throughput.depart(1000, burst.throughput.arrive(1000));
    burst.throughput.setInFlight(1000, 5);
    expect(secondsLeft(burst, 1000)).toBe(before);
  });
});

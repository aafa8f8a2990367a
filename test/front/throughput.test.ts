// Estimated time until requests in flight finish: at startup, in bursts, after idle time, and during stalls.

import { describe, expect, test } from "bun:test";
import { type Arrival, Throughput } from "../../src/front/throughput.ts";

const HOUR_MS = 3_600_000;

/** Sequences that arrive in bursts and finish in order of arrival. */
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

  /** Finishes the oldest sequences. */
  end(nowMs: number, count: number): void {
    for (const arrival of this.#waiting.splice(0, count)) this.throughput.depart(nowMs, arrival);
    this.throughput.setInFlight(nowMs, this.#waiting.length);
  }
}

const secondsLeft = (burst: Burst, nowMs: number) =>
  Math.round(burst.throughput.clearsInMs(nowMs) / 100) / 10;

describe("the expected time for requests in flight to finish", () => {
  test("is 0 if there are none", () => {
    const burst = new Burst();
    expect(secondsLeft(burst, 0)).toBe(0);
    burst.begin(0, 4);
    burst.end(1000, 4);
    expect(secondsLeft(burst, HOUR_MS)).toBe(0);
  });

  test("is the time they have been in flight if none has finished yet", () => {
    const burst = new Burst();
    burst.begin(HOUR_MS, 256);
    expect(secondsLeft(burst, HOUR_MS)).toBe(0);
    expect(secondsLeft(burst, HOUR_MS + 2000)).toBe(2);
  });

  test("is 2.5 s after the first of two 2.5 s waves", () => {
    const burst = new Burst();
    burst.begin(0, 256);
    burst.end(2500, 128);
    expect(secondsLeft(burst, 2500)).toBe(1.2);
    burst.begin(2500, 128);
    expect(secondsLeft(burst, 2500)).toBe(2.5);
  });

  test("for a burst after an idle hour is the time that the same burst took earlier", () => {
    const burst = new Burst();
    burst.begin(0, 256);
    burst.end(2500, 128);
    burst.end(5000, 128);
    burst.begin(HOUR_MS, 256);
    expect(secondsLeft(burst, HOUR_MS)).toBe(5.3);
    expect(secondsLeft(burst, HOUR_MS + 2000)).toBe(5.3);
  });

  test("is their number divided by a steady rate", () => {
    const burst = new Burst();
    burst.begin(0, 300);
    for (let nowMs = 50; nowMs <= 60_000; nowMs += 50) {
      burst.begin(nowMs, 1);
      burst.end(nowMs, 1);
    }
    expect(secondsLeft(burst, 60_000)).toBe(15);
  });

  test("is at least the time since the last one finished", () => {
    const burst = new Burst();
    burst.begin(0, 10);
    burst.end(100, 5);
    expect(secondsLeft(burst, 100)).toBe(0.1);
    expect(secondsLeft(burst, 20_100)).toBe(20);
  });

  test("does not depend on requests that finish instantly", () => {
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

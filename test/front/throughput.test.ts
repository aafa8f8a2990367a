// When what is in flight will have ended, at the start, in bursts, after idle hours and when nothing moves.

import { describe, expect, test } from "bun:test";
import { type Arrival, Throughput } from "../../src/front/throughput.ts";

const HOUR_MS = 3_600_000;

/** Sequences of equal length, so many of which run at a time while the others wait. */
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

  /** Those that are there the longest. */
  end(nowMs: number, count: number): void {
    for (const arrival of this.#waiting.splice(0, count)) this.throughput.depart(nowMs, arrival);
    this.throughput.setInFlight(nowMs, this.#waiting.length);
  }
}

const secondsLeft = (burst: Burst, nowMs: number) =>
  Math.round(burst.throughput.clearsInMs(nowMs) / 100) / 10;

describe("what is in flight will have ended", () => {
  test("at once where there is nothing", () => {
    const burst = new Burst();
    expect(secondsLeft(burst, 0)).toBe(0);
    burst.begin(0, 4);
    burst.end(1000, 4);
    expect(secondsLeft(burst, HOUR_MS)).toBe(0);
  });

  test("in a time that is not known before anything has ended: as long again as it has been there", () => {
    const burst = new Burst();
    burst.begin(HOUR_MS, 256);
    expect(secondsLeft(burst, HOUR_MS)).toBe(0);
    expect(secondsLeft(burst, HOUR_MS + 2000)).toBe(2);
  });

  test("of a burst in two waves of 2.5 s, as the first one ends, in 2.5 s", () => {
    const burst = new Burst();
    burst.begin(0, 256);
    burst.end(2500, 128);
    expect(secondsLeft(burst, 2500)).toBe(1.2);
    burst.begin(2500, 128);
    expect(secondsLeft(burst, 2500)).toBe(2.5);
  });

  test("of the same burst after an idle hour, in the 5 s that the first one took", () => {
    const burst = new Burst();
    burst.begin(0, 256);
    burst.end(2500, 128);
    burst.end(5000, 128);
    burst.begin(HOUR_MS, 256);
    expect(secondsLeft(burst, HOUR_MS)).toBe(5.3);
    expect(secondsLeft(burst, HOUR_MS + 2000)).toBe(5.3);
  });

  test("where 20 end in a second, steadily, in a 20th of a second each", () => {
    const burst = new Burst();
    burst.begin(0, 300);
    for (let nowMs = 50; nowMs <= 60_000; nowMs += 50) {
      burst.begin(nowMs, 1);
      burst.end(nowMs, 1);
    }
    expect(secondsLeft(burst, 60_000)).toBe(15);
  });

  test("no sooner than in the time for which nothing has ended", () => {
    const burst = new Burst();
    burst.begin(0, 10);
    burst.end(100, 5);
    expect(secondsLeft(burst, 100)).toBe(0.1);
    expect(secondsLeft(burst, 20_100)).toBe(20);
  });

  test("whatever ends in no time changes nothing", () => {
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

// When an engine starts again, when that is given up, what counts as a hang.

import { describe, expect, test } from "bun:test";
import { RestartPolicy, ReturnForecast, Watchdog } from "../../src/process/supervisor.ts";

const MINUTE_MS = 60_000;

describe("restarts", () => {
  test("that come to nothing wait 0, 1, 2, 4 ... 30 s", () => {
    const policy = new RestartPolicy(null);
    const delays = Array.from({ length: 9 }, () => policy.delayAfterDeath(0, false));
    expect(delays).toEqual([0, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  });

  test("are at once again after an engine that was of use", () => {
    const policy = new RestartPolicy(null);
    for (let i = 0; i < 4; i++) policy.delayAfterDeath(0, false);
    expect(policy.delayAfterDeath(0, true)).toBe(0);
    expect(policy.delayAfterDeath(0, false)).toBe(1000);
  });

  test("are given up at the fifth death within ten minutes", () => {
    const policy = new RestartPolicy(5);
    const deaths = [0, 1, 2, 3, 9.9].map((minute) =>
      policy.delayAfterDeath(minute * MINUTE_MS, true),
    );
    expect(deaths).toEqual([0, 0, 0, 0, null]);
  });

  test("are not given up when the deaths are further apart", () => {
    const policy = new RestartPolicy(5);
    for (let i = 0; i < 100; i++) expect(policy.delayAfterDeath(i * 2.5 * MINUTE_MS, true)).toBe(0);
  });
});

describe("the return", () => {
  test("is expected after the wait and as long as the last start took, in 1 to 30 s", () => {
    const forecast = new ReturnForecast(2_300);
    forecast.startsAt(10_000);
    expect(forecast.retryAfterS(6_000)).toBe(7);
    expect(forecast.retryAfterS(11_300)).toBe(1);
    forecast.hasLoaded(400);
    forecast.startsAt(20_000);
    expect(forecast.retryAfterS(16_000)).toBe(5);
    forecast.startsAt(60_000);
    expect(forecast.retryAfterS(20_000)).toBe(30);
  });

  test("that is late may come any moment", () => {
    const forecast = new ReturnForecast(1_000);
    expect(forecast.retryAfterS(50_000)).toBe(1);
  });
});

describe("a hang", () => {
  test("is work without progress for the time-out", () => {
    const watchdog = new Watchdog(60_000);
    expect(watchdog.isHung(0, true, 1)).toBe(false);
    expect(watchdog.isHung(59_999, true, 1)).toBe(false);
    expect(watchdog.isHung(60_000, true, 1)).toBe(true);
  });

  test("is none while steps come, however slowly", () => {
    const watchdog = new Watchdog(60_000);
    for (let i = 0; i < 10; i++) expect(watchdog.isHung(i * 59_000, true, i)).toBe(false);
  });

  test("is none without work; waiting counts from when work came", () => {
    const watchdog = new Watchdog(60_000);
    expect(watchdog.isHung(0, false, 0)).toBe(false);
    expect(watchdog.isHung(1_000_000, false, 0)).toBe(false);
    expect(watchdog.isHung(1_000_500, true, 0)).toBe(false);
    expect(watchdog.isHung(1_060_499, true, 0)).toBe(false);
    expect(watchdog.isHung(1_060_500, true, 0)).toBe(true);
  });

  test("is never noticed without a timeout", () => {
    const watchdog = new Watchdog(null);
    watchdog.isHung(0, true, 0);
    expect(watchdog.isHung(1e12, true, 0)).toBe(false);
  });
});

// Restart delays, the limit on crashes, and detection of hangs.

import { describe, expect, test } from "bun:test";
import { RestartPolicy, ReturnForecast, Watchdog } from "../../src/process/supervisor.ts";

const MINUTE_MS = 60_000;

describe("restarts", () => {
  test("are delayed by 0, 1, 2, 4 ... 30 s while the engine serves no request", () => {
    const policy = new RestartPolicy(null);
    const delays = Array.from({ length: 9 }, () => policy.delayAfterDeath(0, false));
    expect(delays).toEqual([0, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  });

  test("are immediate again once the engine has served requests", () => {
    const policy = new RestartPolicy(null);
    for (let i = 0; i < 4; i++) policy.delayAfterDeath(0, false);
    expect(policy.delayAfterDeath(0, true)).toBe(0);
    expect(policy.delayAfterDeath(0, false)).toBe(1000);
  });

  test("stop at the fifth crash within ten minutes", () => {
    const policy = new RestartPolicy(5);
    const deaths = [0, 1, 2, 3, 9.9].map((minute) =>
      policy.delayAfterDeath(minute * MINUTE_MS, true),
    );
    expect(deaths).toEqual([0, 0, 0, 0, null]);
  });

  test("do not stop if the crashes are further apart", () => {
    const policy = new RestartPolicy(5);
    for (let i = 0; i < 100; i++) expect(policy.delayAfterDeath(i * 2.5 * MINUTE_MS, true)).toBe(0);
  });
});

describe("the estimated restart time", () => {
  test("is the remaining delay plus the duration of the last start, from 1 to 30 s", () => {
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

  test("is the minimum if the restart is overdue", () => {
    const forecast = new ReturnForecast(1_000);
    expect(forecast.retryAfterS(50_000)).toBe(1);
  });
});

describe("a hang", () => {
  test("is detected when work makes no progress for the timeout", () => {
    const watchdog = new Watchdog(60_000);
    expect(watchdog.isHung(0, true, 1)).toBe(false);
    expect(watchdog.isHung(59_999, true, 1)).toBe(false);
    expect(watchdog.isHung(60_000, true, 1)).toBe(true);
  });

  test("is not detected as long as steps complete within the timeout", () => {
    const watchdog = new Watchdog(60_000);
    for (let i = 0; i < 10; i++) expect(watchdog.isHung(i * 59_000, true, i)).toBe(false);
  });

  test("is not detected if there is no work; the timeout starts when work arrives", () => {
    const watchdog = new Watchdog(60_000);
    expect(watchdog.isHung(0, false, 0)).toBe(false);
    expect(watchdog.isHung(1_000_000, false, 0)).toBe(false);
    expect(watchdog.isHung(1_000_500, true, 0)).toBe(false);
    expect(watchdog.isHung(1_060_499, true, 0)).toBe(false);
    expect(watchdog.isHung(1_060_500, true, 0)).toBe(true);
  });

  test("is never detected if no timeout is set", () => {
    const watchdog = new Watchdog(null);
    watchdog.isHung(0, true, 0);
    expect(watchdog.isHung(1e12, true, 0)).toBe(false);
  });
});

// Queue capacity: which requests fit, which could never fit, and when to retry.

import { describe, expect, test } from "bun:test";
import { OverloadError, RequestError } from "../../src/errors.ts";
import { Admission } from "../../src/front/admission.ts";

function makeAdmission(limits: { reqs?: number; tokens?: number } = {}) {
  const clock = { nowMs: 0 };
  const { reqs = 4, tokens = 100 } = limits;
  const admission = new Admission(
    { maxNumQueuedReqs: reqs, maxNumQueuedTokens: tokens },
    () => clock.nowMs,
  );
  return { admission, clock };
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return null;
}

describe("Admission", () => {
  test("admits only as many sequences as the queue holds", () => {
    const { admission } = makeAdmission();
    admission.reserve(3);
    const error = thrownBy(() => admission.reserve(2));
    expect(error).toBeInstanceOf(OverloadError);
    expect(error).toMatchObject({ code: "queue_full", retryAfterS: 1 });
    admission.reserve(1);
    expect(admission.numSequences).toBe(4);
  });

  test("admits only as many prompt tokens as the queue holds", () => {
    const { admission } = makeAdmission();
    const first = admission.reserve(1);
    first.addTokens(60);
    const second = admission.reserve(1);
    expect(thrownBy(() => second.addTokens(41))).toMatchObject({ code: "queue_full" });
    second.addTokens(40);
    expect(admission.numTokens).toBe(100);
  });

  test("reports a request that could never fit as a client error", () => {
    const { admission } = makeAdmission();
    const many = thrownBy(() => admission.reserve(5));
    expect(many).toBeInstanceOf(RequestError);
    expect(String(many)).toContain("5 sequences (n times prompts) exceed this server's limit");
    const long = thrownBy(() => admission.reserve(1).addTokens(101));
    expect(long).toMatchObject({ code: "invalid_value" });
  });

  test("never refuses a later part of an admitted request", () => {
    const { admission } = makeAdmission();
    admission.reserve(4).addTokens(90);
    const more = admission.extend(2, 20);
    expect([admission.numSequences, admission.numTokens]).toEqual([6, 110]);
    more.take(2, 20);
    admission.addTokens(20, 20); // the prompts turn out to be as long as announced
    expect(thrownBy(() => admission.addTokens(1))).toMatchObject({ code: "queue_full" });
    admission.giveBack(2, 20);
    more.release();
    expect([admission.numSequences, admission.numTokens]).toEqual([4, 90]);
  });

  test("returns the unused part of a reservation, only once", () => {
    const { admission } = makeAdmission();
    const reservation = admission.reserve(3);
    reservation.addTokens(30);
    reservation.take(1, 10);
    reservation.release();
    reservation.release();
    expect([admission.numSequences, admission.numTokens]).toEqual([1, 10]);
    admission.endPrompt(10);
    admission.endSequence(admission.beginSequences());
    expect([admission.numSequences, admission.numTokens]).toEqual([0, 0]);
  });

  test("a rejected prompt does not use up capacity", () => {
    const { admission } = makeAdmission();
    const reservation = admission.reserve(2);
    reservation.addTokens(90);
    thrownBy(() => reservation.addTokens(20));
    expect(admission.numTokens).toBe(90);
    reservation.release();
    expect([admission.numSequences, admission.numTokens]).toEqual([0, 0]);
  });

  test("estimates a retry time of 1 to 30 s from the requests in flight", () => {
    const { admission, clock } = makeAdmission({ reqs: 1000 });
    expect(admission.retryAfterS).toBe(1);
    admission.reserve(256);
    const arrival = admission.beginSequences();
    expect(admission.retryAfterS).toBe(1);
    clock.nowMs = 2_500;
    for (let i = 0; i < 128; i++) admission.endSequence(arrival);
    admission.reserve(128);
    // Fills the queue with two such waves, which take 2.5 s each.
    admission.reserve(256);
    expect(admission.retryAfterS).toBe(5);
    clock.nowMs += 60_000;
    expect(admission.retryAfterS).toBe(30);
  });
});

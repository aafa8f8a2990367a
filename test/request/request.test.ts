// Request: tokens, counters, and status changes.

import { describe, expect, test } from "bun:test";
import { makeRequest } from "../support/make-request.ts";

describe("Request", () => {
  test("copies the prompt and appends output tokens", () => {
    const prompt = Int32Array.of(5, 6, 7);
    const request = makeRequest("a", [], { promptTokenIds: prompt });
    prompt.fill(0);
    for (const tokenId of [8, 9, 10, 11]) request.appendOutputToken(tokenId);
    expect([...request.tokenIds()]).toEqual([5, 6, 7, 8, 9, 10, 11]);
    expect([...request.tokenIds(2, 5)]).toEqual([7, 8, 9]);
    expect([request.numPromptTokens, request.numOutputTokens, request.numTokens]).toEqual([
      3, 4, 7,
    ]);
  });

  test("starts in the WAITING state, with no computed tokens and never admitted", () => {
    const request = makeRequest("a", 3);
    expect(request.status).toBe("WAITING");
    expect([request.numComputedTokens, request.numCachedTokens, request.numPreemptions]).toEqual([
      0,
      null,
      0,
    ]);
  });

  test("rejects an empty prompt", () => {
    expect(() => makeRequest("a", [])).toThrow("at least one prompt token");
  });

  test("rejects a token range out of bounds", () => {
    const request = makeRequest("a", 3);
    expect([...request.tokenIds(3, 3)]).toEqual([]);
    expect(() => request.tokenIds(0, 4)).toThrow("token range out of bounds");
    expect(() => request.tokenIds(2, 1)).toThrow("token range out of bounds");
    expect(() => request.tokenIds(-1, 1)).toThrow("token range out of bounds");
  });

  test("switches between running and preempted until it finishes", () => {
    const request = makeRequest("a", 3);
    for (const status of ["RUNNING", "PREEMPTED", "RUNNING", "FINISHED_STOPPED"] as const) {
      request.transition(status);
      expect(request.status).toBe(status);
    }
    expect(request.isFinished).toBe(true);
    expect(() => request.transition("RUNNING")).toThrow(
      "a: FINISHED_STOPPED -> RUNNING is not allowed",
    );
    expect(() => request.appendOutputToken(1)).toThrow("a: token after finish");
  });

  test("cannot be preempted before it runs", () => {
    expect(() => makeRequest("a", 3).transition("PREEMPTED")).toThrow(
      "a: WAITING -> PREEMPTED is not allowed",
    );
  });
});

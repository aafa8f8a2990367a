// Request states: allowed transitions, and the finish reason for each finished state.

import { describe, expect, test } from "bun:test";
import {
  FINISH_REASON_OF,
  FINISH_REASONS,
  isFinished,
  type RequestStatus,
  TRANSITIONS,
} from "../../src/request/request-status.ts";

const STATUSES = Object.keys(TRANSITIONS) as RequestStatus[];

/** Statuses that can be reached from `start`, including itself. */
function reachableFrom(start: RequestStatus): Set<RequestStatus> {
  const reached = new Set([start]);
  for (const status of reached) for (const next of TRANSITIONS[status]) reached.add(next);
  return reached;
}

describe("request status", () => {
  test("allows every status to be reached from WAITING", () => {
    expect([...reachableFrom("WAITING")].sort()).toEqual([...STATUSES].sort());
  });

  test("allows every live status to change to every finished status", () => {
    const finished = STATUSES.filter(isFinished);
    for (const live of STATUSES.filter((status) => !isFinished(status))) {
      expect(TRANSITIONS[live]).toEqual(expect.arrayContaining(finished));
    }
  });

  test("is final when finished, and then has one of the API's finish reasons", () => {
    const finished = STATUSES.filter(isFinished);
    expect(finished).toHaveLength(4);
    for (const status of finished) {
      expect(TRANSITIONS[status]).toEqual([]);
      expect(FINISH_REASONS).toContain(FINISH_REASON_OF[status]);
    }
  });

  test("has vLLM's finish reasons", () => {
    expect(FINISH_REASON_OF).toEqual({
      FINISHED_STOPPED: "stop",
      FINISHED_LENGTH_CAPPED: "length",
      FINISHED_ABORTED: "abort",
      FINISHED_ERROR: "error",
    });
  });
});

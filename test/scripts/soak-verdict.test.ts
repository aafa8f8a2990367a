// Whether a soak test passes, and the reasons if it does not.

import { expect, test } from "bun:test";
import type { Sample } from "../../scripts/soak-samples.ts";
import { quarters, type SoakEnd, soakFaults } from "../../scripts/soak-verdict.ts";

const sample = (values: Partial<Sample>): Sample => ({
  ...{ timeS: 0, faults: [], frontMib: 80, engineMib: 500, frontFds: 28, engineFds: 7 },
  ...{ blocks: 0, running: 0, answerMs: 40, finished: 5, failed: 0, refused: 0, lost: 0 },
  ...values,
});

const SAMPLES = Array.from({ length: 8 }, () => sample({}));
const OUTCOMES = { finished: 90, failed: 34, cancelled: 0, refused: 7, lost: 0 };
const END: SoakEnd = {
  ...{ outcomes: OUTCOMES, numReceived: 5000, numCounted: 5000 },
  ...{ numFaults: 2, numClients: 17, exitCode: 0 },
};

const changed = (part: Partial<SoakEnd>) => soakFaults({ ...END, ...part }, SAMPLES);
const outcomes = (part: Partial<typeof OUTCOMES>) =>
  changed({ outcomes: { ...OUTCOMES, ...part } });

test("a soak test passes if each fault affected only requests in progress", () => {
  expect(soakFaults(END, SAMPLES)).toEqual([]);
});

test("unbalanced counts are reported", () => {
  expect(outcomes({ lost: 1 })).toEqual(["requests lost: 1"]);
  expect(outcomes({ finished: 0 })).toEqual(["no request finished"]);
  expect(outcomes({ failed: 35 })).toEqual(["35 requests failed, but at most 34 could"]);
  expect(changed({ numCounted: 4999 })).toEqual([
    "5000 tokens were received, but 4999 were counted",
  ]);
  expect(changed({ exitCode: 1 })).toEqual(["the server exited with code 1"]);
});

test("growth and unreleased blocks are reported", () => {
  const grown = (last: Partial<Sample>) => [
    ...SAMPLES,
    ...Array.from({ length: 8 }, () => sample(last)),
  ];
  expect(quarters(grown({ frontMib: 90 }), "frontMib")).toEqual([80, 90]);
  expect(soakFaults(END, grown({ frontMib: 100, frontFds: 35 }))).toEqual([]);
  expect(soakFaults(END, grown({ frontMib: 101 }))).toEqual(["the front's memory has grown"]);
  expect(soakFaults(END, grown({ frontFds: 36 }))).toEqual([
    "the front's descriptor count has grown",
  ]);
  expect(soakFaults(END, grown({ blocks: 3 }))).toEqual(["blocks in use at the end: 3"]);
  const unknown = ["blocks in use at the end: unknown"];
  expect(soakFaults(END, grown({ blocks: null }))).toEqual(unknown);
});

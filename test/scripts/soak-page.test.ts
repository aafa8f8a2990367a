// Samples from a soak test as CSV lines and as a page.

import { expect, test } from "bun:test";
import { soakPage } from "../../scripts/soak-page.ts";
import { CSV_HEAD, csvRow, type Sample } from "../../scripts/soak-samples.ts";

const calm: Sample = {
  ...{ timeS: 0.51, faults: [], frontMib: 80.25, engineMib: 500, frontFds: 28, engineFds: 7 },
  ...{ blocks: 12, running: 16, answerMs: 40.06, finished: 5, failed: 0, refused: 0, lost: 0 },
};
const dead: Sample = {
  ...{ ...calm, timeS: 1, faults: ["SIGSEGV", "SIGKILL"], failed: 16 },
  ...{ engineMib: null, engineFds: null, blocks: null, running: null, answerMs: null },
};

test("a sample is a line with one cell per column, and missing values are empty", () => {
  expect(csvRow(calm)).toBe("0.5,,80.3,500,28,7,12,16,40.1,5,0,0,0");
  expect(csvRow(dead)).toBe("1,SIGSEGV+SIGKILL,80.3,,28,,,,,5,16,0,0");
  expect(csvRow(dead).split(",")).toHaveLength(CSV_HEAD.split(",").length);
});

test("the page has the result, five plots, and a separate color for each signal", () => {
  const summary = { books: "balanced <1>" };
  const html = soakPage({ date: "2026-01-02T03:04:05Z", samples: [calm, dead, calm], summary });
  expect(html).toContain("2026-01-02 03:04 UTC");
  expect(html).toContain("<td>balanced &lt;1&gt;</td>");
  expect(html.match(/<svg/g)).toHaveLength(5);
  const colors = [...html.matchAll(/color: (#\w+)">&#9474;<\/span> (\w+)/g)];
  expect(colors.map(([, , signal]) => signal)).toEqual(["SIGSEGV", "SIGKILL"]);
  expect(new Set(colors.map(([, color]) => color)).size).toBe(2);
  for (const [, color = ""] of colors) expect(html.split(`stroke="${color}"`)).toHaveLength(6);
  expect(html).not.toMatch(/<script|https?:\/\/|NaN|undefined|Infinity/);
});

test("a page without samples is valid", () => {
  const html = soakPage({ date: "2026-01-02T03:04:05Z", samples: [], summary: {} });
  expect(html).toContain("Signals to the engine: none");
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
});

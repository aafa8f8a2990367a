// Verdicts, the table, and the HTML report for hand-written runs.

import { describe, expect, test } from "bun:test";
import type { Comparison } from "../../bench/compare/pairs.ts";
import type { WorkloadRun } from "../../bench/compare/workload-run.ts";
import { htmlReport } from "../../bench/output/html-report.ts";
import { resultObject } from "../../bench/output/result-file.ts";
import { rowOf, shortNumber, textTable } from "../../bench/output/table.ts";
import { timePlot } from "../../bench/output/time-plot.ts";
import { verdictOf } from "../../bench/output/verdict.ts";
import { heldTo, kindName, thisCpu } from "../../bench/probe/cpu.ts";
import type { Slice, Workload } from "../../bench/workloads/workload.ts";

const workload: Workload = {
  id: "W0",
  title: "a <title>",
  figure: { name: "tok/s", better: "higher" },
  room: { concurrency: 1, maxTokens: 8 },
  numPairs: 1,
  candidates: [],
  gates: { vnni: { gate: 2, stretch: 4 }, avx2: { gate: 1.5 } },
  slice: () => Promise.reject(new Error("not run here")),
};

const quiet = { others: 0, steal: 0, client: 0 };
const events = [
  { atMs: 10, choice: 0 },
  { atMs: 14, choice: 0 },
];
const timeline = { startMs: 0, events, numOutputTokens: 2, numPromptTokens: 3, text: "" };
const slice: Slice = {
  timelines: [{ ...timeline, error: null, isCut: false }],
  durationS: 1,
  figure: 30,
};
const observed = { figure: 30, slice, disturbance: quiet };

function runWith(median: number, gaveUp = false): WorkloadRun {
  const pair = { a: observed, b: observed, ratio: median, discarded: null };
  const comparison: Comparison<Slice> = {
    pairs: [pair],
    ...{ numCounted: 1, numPlanned: 1, gaveUp },
    ratio: { q1: median - 0.5, median, q3: median + 0.5 },
  };
  const side = { name: "Pagoda", model: "tiny", flags: "--a 1", observed: [observed] };
  const peer = { ...side, name: "llama-server", flags: null, comparison };
  return { workload, limits: null, ours: side, peer };
}

describe("verdictOf", () => {
  test("compares the ratio with the CPU type's gate", () => {
    expect(verdictOf(runWith(1.7), "vnni")).toBe("missed");
    expect(verdictOf(runWith(1.7), "avx2")).toBe("reached");
    expect(verdictOf(runWith(2), "vnni")).toBe("reached");
    expect(verdictOf(runWith(4), "vnni")).toBe("stretch");
  });

  test("compares Pagoda's own figure with its limit, if the workload has one", () => {
    const limited = (floor: number, better: "higher" | "lower") => ({
      ...runWith(9),
      ...{ peer: null, workload: { ...workload, floor, figure: { name: "share", better } } },
    });
    expect(verdictOf(limited(30, "higher"), "vnni")).toBe("reached");
    expect(verdictOf(limited(31, "higher"), "vnni")).toBe("missed");
    expect(verdictOf(limited(30, "lower"), "vnni")).toBe("reached");
    expect(verdictOf(limited(29, "lower"), "vnni")).toBe("missed");
    expect(rowOf(limited(31, "higher"), "vnni")[6]).toBe("31");
  });

  test("is undecided if pairs were disturbed or there is no peer", () => {
    expect(verdictOf(runWith(9, true), "vnni")).toBe("disturbed");
    expect(verdictOf({ ...runWith(9), peer: null }, "vnni")).toBe("no peer");
  });
});

describe("the table", () => {
  test("a row has both figures, the ratio with quartiles, the gate, and the verdict", () => {
    expect(rowOf(runWith(2.5), "vnni")).toEqual([
      ...["W0 a <title>", "tok/s", "30.0", "30.0", "2.50 [2.00, 3.00]"],
      ...["1 of 1", "2 / 4", "reached"],
    ]);
    expect(rowOf({ ...runWith(1), peer: null }, "avx2").slice(3)).toEqual([
      ...["-", "-", "-", "1.5", "no peer"],
    ]);
  });

  test("columns are as wide as their widest cell", () => {
    expect(
      textTable([
        ["a", "b"],
        ["long", "c"],
      ]),
    ).toBe("a     b\nlong  c");
  });

  test("numbers have at least three significant digits", () => {
    expect([1234.5, 123.4, 12.34, 1.234, 0.1234, 0, Number.NaN].map(shortNumber)).toEqual([
      ...["1235", "123", "12.3", "1.23", "0.123", "0", "-"],
    ]);
  });
});

test("a comparison's result uses vLLM's keys for both Pagoda and the peer", () => {
  const result = resultObject(runWith(2), null, "2026-01-01T00:00:00Z");
  expect(result).toMatchObject({ label: "W0", completed: 1, mean_ttft_ms: 10, flags: "--a 1" });
  expect(result.peer).toMatchObject({ backend: "llama-server", mean_tpot_ms: 4, gave_up: false });
  expect(result.peer?.ratio).toMatchObject({ median: 2, values: [2] });
});

test("the report is a single file with no scripts or URLs, and its content is escaped", () => {
  const cpu = thisCpu("model name\t: X <1>\nflags\t\t: fpu avx2 avx512_vnni\n");
  const html = htmlReport({ runs: [runWith(2.5)], cpu, date: "2026-01-01T00:00:00Z" });
  expect(html).toContain("W0 a &lt;title&gt;");
  expect(html).toContain("X &lt;1&gt;");
  expect(html).not.toMatch(/<script|https?:\/\/|NaN|undefined|Infinity/);
  expect(html.match(/<svg/g)).toHaveLength(3);
});

describe("values over time", () => {
  const plot = (values: readonly (number | null)[], timesS = values.map((_, i) => i)) =>
    timePlot({
      ...{ title: "memory", unit: "MiB", timesS, marks: [{ atS: 1, color: "red" }] },
      series: [{ name: "front", color: "blue", values }],
    });
  const linesOf = (text: string) =>
    [...text.matchAll(/points="([^"]*)"/g)].map(([, points = ""]) => points.split(" "));

  test("axes start at zero and end above the largest value", () => {
    const text = plot([0, 30, 70]);
    expect(text).toContain(">memory, MiB<");
    for (const tick of ["0", "20", "40", "60", "80"]) expect(text).toContain(`>${tick}</text>`);
    expect(text).not.toContain(">100</text>");
    expect(text).toContain(">2 s</text>");
    expect(text).toMatch(/x1="546.0" y1="26.0" x2="546.0" y2="154.0" stroke="red"/);
    expect(linesOf(text)).toEqual([["64,154.0", "546,106.0", "1028,42.0"]]);
  });

  test("lines have gaps where values are missing", () => {
    expect(linesOf(plot([1, 2, null, null, 3, 4])).map(({ length }) => length)).toEqual([2, 2]);
  });

  test("only the largest of the samples that share a pixel is drawn", () => {
    const values = Array.from({ length: 100_000 }, (_, i) => (i === 50_000 ? 8 : 1));
    const [points = []] = linesOf(plot(values));
    expect(points.length).toBeLessThan(1000);
    expect(points.filter((point) => point.endsWith(",26.0"))).toHaveLength(1);
  });

  test("axes are empty if there are no values", () => {
    expect(plot([])).not.toMatch(/NaN|Infinity|undefined/);
    expect(plot([null, 0])).not.toMatch(/NaN|Infinity|undefined/);
  });
});

test("limiting a CPU to an instruction set hides newer sets", () => {
  const cpu = thisCpu("flags : avx2 fma avx_vnni avx512f avx512_vnni amx_int8");
  expect(heldTo(cpu, null)).toEqual(cpu);
  expect(heldTo(cpu, "avxvnni").features).toEqual(["avx2", "fma", "avx_vnni"]);
  expect(heldTo(cpu, "avx2").features).toEqual(["avx2", "fma"]);
  expect(heldTo(cpu, "avx2").kind).toBe("avx2");
});

test("the CPU type is derived from the CPU's flags", () => {
  expect(thisCpu("flags : fpu avx2 avx512_vnni").kind).toBe("vnni");
  expect(kindName(thisCpu("flags : avx2 fma avx_vnni").kind)).toBe("without AVX512-VNNI");
  expect(thisCpu("").features).toEqual([]);
});

// The text format: escaping, order, `_total`, `_created`, and empty families.

import { describe, expect, test } from "bun:test";
import { CONTENT_TYPE, expositionText, openMetricsText } from "../../src/metrics/exposition.ts";
import type { FamilySnapshot } from "../../src/metrics/registry.ts";

const FAMILY: FamilySnapshot = {
  name: "x",
  type: "gauge",
  help: "Help.",
  samples: [],
  histograms: [],
};

describe("expositionText", () => {
  test("escapes help and labels, sorts labels, and ends in a newline", () => {
    const samples = [{ labels: { z: 'q"\n', a: "\\" }, value: 1, createdS: null }];
    expect(expositionText([{ ...FAMILY, help: "a\nb\\c", samples }], true)).toBe(
      '# HELP x a\\nb\\\\c\n# TYPE x gauge\nx{a="\\\\",z="q\\"\\n"} 1.0\n',
    );
  });

  test("prints an empty page if there are no families", () => {
    expect(expositionText([], true)).toBe("");
  });

  test("prints a family's help and type even if it has no series", () => {
    expect(expositionText([FAMILY], true)).toBe("# HELP x Help.\n# TYPE x gauge\n");
  });

  test("ends every counter's name in exactly one _total", () => {
    const counter = {
      ...FAMILY,
      type: "counter" as const,
      samples: [{ labels: {}, value: 3, createdS: null }],
    };
    const text = "# HELP x_total Help.\n# TYPE x_total counter\nx_total 3.0\n";
    expect(expositionText([counter], true)).toBe(text);
    expect(expositionText([{ ...counter, name: "x_total" }], true)).toBe(text);
    expect(expositionText([{ ...counter, name: "x_total_bytes" }], true)).toContain(
      "\nx_total_bytes_total 3.0\n",
    );
  });

  test("prints creation times as a gauge family, unless they are disabled", () => {
    const samples = [
      { labels: { r: "a" }, value: 0, createdS: 1.5 },
      { labels: { r: "b" }, value: 2, createdS: 2 },
    ];
    const counter = { ...FAMILY, type: "counter" as const, samples };
    const text =
      '# HELP x_total Help.\n# TYPE x_total counter\nx_total{r="a"} 0.0\nx_total{r="b"} 2.0\n';
    const created =
      '# HELP x_created Help.\n# TYPE x_created gauge\nx_created{r="a"} 1.5\nx_created{r="b"} 2.0\n';
    expect(expositionText([counter], true)).toBe(text + created);
    expect(expositionText([counter], false)).toBe(text);
    const gauge = samples.map((sample) => ({ ...sample, createdS: null }));
    expect(expositionText([{ ...FAMILY, samples: gauge }], true)).not.toContain("_created");
  });

  test("prints a histogram's buckets in ascending order, then count, then sum, and keeps _total in its name", () => {
    const histogram = {
      labels: { m: "t" },
      buckets: [
        [1, 2],
        [1e6, 3],
        [Number.POSITIVE_INFINITY, 4],
      ] as const,
      sum: 2_500_000.5,
      count: 4,
      createdS: null,
    };
    const family = {
      ...FAMILY,
      name: "x_total",
      type: "histogram" as const,
      histograms: [histogram],
    };
    expect(expositionText([family], true)).toBe(
      "# HELP x_total Help.\n# TYPE x_total histogram\n" +
        'x_total_bucket{le="1.0",m="t"} 2.0\n' +
        'x_total_bucket{le="1e+06",m="t"} 3.0\n' +
        'x_total_bucket{le="+Inf",m="t"} 4.0\n' +
        'x_total_count{m="t"} 4.0\n' +
        'x_total_sum{m="t"} 2.5000005e+06\n',
    );
  });
});

describe("openMetricsText", () => {
  const counter = {
    ...FAMILY,
    name: "x_total",
    type: "counter" as const,
    help: 'Say "x".',
    samples: [{ labels: { r: "a" }, value: 2, createdS: 1.5 }],
  };
  const histogram = { labels: {}, buckets: [[1, 2]] as const, sum: 3, count: 2, createdS: 1.5 };

  test("drops _total from a counter's family name, keeps its creation time in the family, and ends with EOF", () => {
    expect(openMetricsText([counter], true)).toBe(
      '# HELP x Say \\"x\\".\n# TYPE x counter\nx_total{r="a"} 2.0\nx_created{r="a"} 1.5\n# EOF\n',
    );
    expect(openMetricsText([counter], false)).not.toContain("_created");
  });

  test("prints a summary's count and sum, and a histogram's buckets before them", () => {
    const summary = { ...FAMILY, type: "summary" as const, histograms: [histogram] };
    const tail = "x_count 2.0\nx_sum 3.0\nx_created 1.5\n# EOF\n";
    expect(openMetricsText([summary], true)).toBe(`# HELP x Help.\n# TYPE x summary\n${tail}`);
    expect(openMetricsText([{ ...summary, type: "histogram" }], true)).toBe(
      `# HELP x Help.\n# TYPE x histogram\nx_bucket{le="1.0"} 2.0\n${tail}`,
    );
  });

  test("prints only EOF if there are no families", () => {
    expect(openMetricsText([], true)).toBe("# EOF\n");
  });
});

test("the content type matches the Python client's", () => {
  expect(CONTENT_TYPE).toBe("text/plain; version=1.0.0; charset=utf-8");
});

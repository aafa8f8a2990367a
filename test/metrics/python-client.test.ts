// Pagoda's exposition compared with Python's metrics client: the same bytes for random families, pages that
// both Python parsers read correctly, and the same content types for Accept headers.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CATALOG } from "../../src/metrics/catalog.ts";
import { expositionText, openMetricsText } from "../../src/metrics/exposition.ts";
import { visibleFamilies } from "../../src/metrics/version-gate.ts";
import { acceptedFormat } from "../../src/server/metrics-format.ts";
import { samplesOf } from "../support/exposition-samples.ts";
import { bitsOf, type ExpositionFormat, PythonClient } from "../support/python-client.ts";
import { PYTHON, sayIfPythonIsMissing } from "../support/python-program.ts";
import { anyFamily, pythonFamilyOf, snapshotOf } from "./any-family.ts";
import { AWKWARD, idlePage, movedPage } from "./full-page.ts";

const NUM_RUNS = 500;

const OPEN_METRICS = "application/openmetrics-text";

/** Accept headers; the first two are from Prometheus 2 and 3. */
const ACCEPTED = [
  `${OPEN_METRICS};version=1.0.0,${OPEN_METRICS};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
  `${OPEN_METRICS};version=1.0.0;escaping=allow-utf-8;q=0.5,${OPEN_METRICS};version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
  "",
  "*/*",
  "text/plain",
  "text/html,*/*;q=0.8",
  "text/plain; version=0.0.4",
  "text/plain; version=1.0.0",
  "text/plain;version=1.0.0;escaping=allow-utf-8",
  "text/plain;version=1.0.0;escaping=other",
  "text/plain;q=0.9;version=1.0.0",
  OPEN_METRICS,
  ` ${OPEN_METRICS} ; q=0.5`,
  `${OPEN_METRICS};version=`,
  `${OPEN_METRICS};version=0.0.1`,
  `${OPEN_METRICS};version=0.0.1,text/plain;version=1.0.0`,
  `${OPEN_METRICS};version=1`,
  `${OPEN_METRICS};version=1.0`,
  `${OPEN_METRICS};version=1.1`,
  `${OPEN_METRICS};version=1.0.0;escaping=underscores`,
  `${OPEN_METRICS};version=2.0.0`,
  `${OPEN_METRICS};escaping=allow-utf-8`,
  `text/plain,${OPEN_METRICS}`,
  `text/plain;version=1.0.0,${OPEN_METRICS};version=1.0.0`,
  "APPLICATION/openmetrics-text;version=1.0.0",
];

/**
 * Families that a parser should find, in order. In the plain format, a family with known creation times
 * is followed by a family with these times.
 */
function expectedKinds(format: ExpositionFormat, hasTraffic: boolean): string[] {
  return visibleFamilies(CATALOG, "0.12").flatMap((family) => {
    const { name, type, source, labels = [] } = family;
    const base = type === "counter" ? name.replace(/_total$/, "") : name;
    const isCreated = type !== "gauge" && source.on !== "scrape";
    const hasSeries = hasTraffic || labels.every(({ values }) => values !== null);
    const created =
      format === "prometheus" && isCreated && hasSeries ? [`${base}_created gauge`] : [];
    return [`${base} ${type}`, ...created];
  });
}

sayIfPythonIsMissing();

describe.skipIf(PYTHON === null)("compared with Python's client", () => {
  let python: PythonClient;

  beforeAll(() => {
    python = new PythonClient();
  });

  afterAll(() => python.stop());

  test("random families yield the same bytes in both formats", async () => {
    const families = fc.array(anyFamily, { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(families, fc.boolean(), async (some, createdSeries) => {
        const expected = await python.expose(some.map(pythonFamilyOf), createdSeries);
        const snapshots = some.map(snapshotOf);
        expect(expositionText(snapshots, createdSeries)).toBe(expected.text);
        expect(openMetricsText(snapshots, createdSeries)).toBe(expected.openMetrics);
        if (some.every(({ name }) => !name.includes(":"))) {
          expect(expected.openMetricsByDefault).toBe(expected.openMetrics);
        }
      }),
      { numRuns: NUM_RUNS },
    );
  });

  // When Python escapes samples, unlike headers, it treats the colon as invalid.
  test("colons are kept in OpenMetrics, where Python would rename the samples", async () => {
    const family = { name: "vllm:x", type: "gauge", help: "", labelNames: [], bounds: [] } as const;
    const series = [{ labels: [], value: bitsOf(1), created: null }];
    const { openMetricsByDefault } = await python.expose(
      [{ ...family, series, isCreated: false }],
      true,
    );
    expect(openMetricsByDefault).toBe("# HELP vllm:x \n# TYPE vllm:x gauge\nvllm_x 1.0\n# EOF\n");
    const samples = [{ labels: {}, value: 1, createdS: null }];
    expect(openMetricsText([{ ...family, samples, histograms: [] }], true)).toContain(
      "\nvllm:x 1.0",
    );
  });

  for (const [page, makePage] of [
    ["the page of an idle server", idlePage],
    ["the page after a scenario", movedPage],
  ] as const) {
    for (const format of ["prometheus", "openmetrics"] as const) {
      test(`${page} is parsed correctly as ${format}`, async () => {
        const text = await makePage().text(format);
        const read = await python.parse(format, text);
        const kinds = read.map(({ name, type }) => `${name} ${type}`);
        expect(kinds).toEqual(expectedKinds(format, makePage === movedPage));
        const samples = read.flatMap((family) => family.samples);
        const printed = samplesOf(text).map((sample) => ({
          ...sample,
          value: bitsOf(sample.value),
        }));
        expect(samples).toEqual(printed);
        const models = samples.flatMap(({ labels }) => labels["model_name"] ?? []);
        expect(new Set(models)).toEqual(new Set([AWKWARD]));
      });
    }
  }

  test("scrapers get the content type that Python would choose", async () => {
    for (const accept of ACCEPTED) {
      const expected = await python.negotiate(accept);
      expect({ accept, ...acceptedFormat(accept) }).toEqual({ accept, ...expected });
    }
  });

  test("the content type names only escaping schemes that leave names unchanged", async () => {
    for (const escaping of ["dots", "values"]) {
      const accept = `text/plain;version=1.0.0;escaping=${escaping}`;
      const { contentType } = await python.negotiate(accept);
      expect(contentType).toEndWith(`; escaping=${escaping}`);
      expect(acceptedFormat(accept).contentType).toEndWith("; escaping=underscores");
    }
  });

  test("Python's parsers report errors", async () => {
    await expect(python.parse("prometheus", 'x{a="b} 1\n')).rejects.toThrow("ValueError");
    await expect(python.parse("openmetrics", "x 1.0\n")).rejects.toThrow("Missing # EOF");
  });
});

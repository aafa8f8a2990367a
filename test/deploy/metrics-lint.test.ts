// Lints whole metrics pages with promtool. Findings about vLLM's names are accepted; any other finding is a
// bug in Pagoda.

import { expect, test } from "bun:test";
import type { MetricFeature } from "../../src/metrics/family.ts";
import { INFO, makeMetrics } from "../metrics/fixtures.ts";
import { hasPromtool, promtool, sayIfMissing } from "./promtool.ts";

sayIfMissing("promtool");

/** Accepted findings other than the colon, with the reason. */
const ACCEPTED: Readonly<Record<string, string>> = {
  'vllm:iteration_tokens_total non-counter metrics should not have "_total" suffix':
    "vLLM's name for a histogram",
};

/** Finding caused by a family's "vllm:" prefix. */
const COLON = " metric names should not contain ':'";

const EVERYTHING: ReadonlySet<MetricFeature> = new Set([
  "always",
  "log-stats",
  "kv-cache-metrics",
  "sleep-mode",
]);

async function fullPage(): Promise<string> {
  const metrics = makeMetrics({
    features: EVERYTHING,
    info: { ...INFO, numSpeculativeTokens: 3 },
    showHiddenFor: "0.12",
    createdSeries: true,
    processStats: () => ({
      virtualMemoryBytes: 3,
      residentMemoryBytes: 2,
      startTimeS: 1,
      cpuSeconds: 0.5,
      openFds: 7,
      maxFds: 1024,
    }),
  });
  metrics.recordHttp({
    handler: "/v1/completions",
    method: "POST",
    status: 200,
    durationS: 0.25,
    requestBytes: 100,
    responseBytes: 0,
  });
  return metrics.text();
}

function findings(text: string): string[] {
  const { output } = promtool(["check", "metrics"], text);
  return output.split("\n").filter((line) => line !== "");
}

const familyNames = (text: string) =>
  [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);

for (const [page, makePage] of [
  ["an idle server's page", () => makeMetrics().text()],
  ["the page with every option and every family", fullPage],
] as const) {
  test.skipIf(!hasPromtool)(`promtool complains only about vLLM's names in ${page}`, async () => {
    const text = await makePage();
    const found = findings(text);
    const colons = familyNames(text).filter((name) => name.startsWith("vllm:"));
    expect(found.filter((line) => line.endsWith(COLON)).sort()).toEqual(
      colons.map((name) => name + COLON).sort(),
    );
    expect(found.filter((line) => !line.endsWith(COLON))).toEqual(Object.keys(ACCEPTED));
  });
}

test.skipIf(!hasPromtool)("promtool detects an invalid exposition", () => {
  expect(findings("# TYPE a counter\na_total x\n").join()).toContain("error while linting");
});

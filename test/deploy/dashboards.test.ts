// Static checks of dashboards: Pagoda's is well-formed, and every expression in its dashboard, in its rules,
// and in the official dashboards parses and reads existing series. Tests with a running server check
// whether they have data.

import { describe, expect, test } from "bun:test";
import { officialQueries } from "./dashboard-queries.ts";
import { type Panel, pagodaDashboard, pagodaQueries, rules } from "./deploy-files.ts";
import { knownSeries } from "./known-series.ts";
import { seriesNames, substitute } from "./promql.ts";
import { expressionFaults, hasPromtool, sayIfMissing } from "./promtool.ts";

sayIfMissing("promtool");

/** Arbitrary values for variables, to make expressions parse. */
const VALUES = {
  job: "pagoda",
  model_name: "m",
  instance: "a:8000",
  engine: "0",
  Deployment_id: "m",
  NS: "default",
  SVC: "pagoda",
  __rate_interval: "1m",
  __interval: "30s",
  __range: "30m",
};

const { panels, templating, annotations } = pagodaDashboard();
const drawn = panels.filter(({ type }) => type !== "row");
const known = knownSeries();

const unknownSeries = (exprs: readonly string[]) =>
  [...new Set(exprs.flatMap(seriesNames))].filter((name) => !known.has(name));

function overlap(a: Panel, b: Panel): boolean {
  const [p, q] = [a.gridPos, b.gridPos];
  return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h;
}

describe("Pagoda's dashboard", () => {
  test("has its eight rows", () => {
    expect(panels.filter(({ type }) => type === "row").map(({ title }) => title)).toEqual([
      "Service",
      "Latency",
      "Throughput",
      "Scheduler",
      "KV cache and prefix cache",
      "KV residency",
      "Requests",
      "HTTP and process",
    ]);
  });

  test("is filtered by data source, job, model, and instance", () => {
    expect(templating.list.map(({ name }) => name)).toEqual([
      "datasource",
      "job",
      "model_name",
      "instance",
    ]);
  });

  test("has panels with unique ids that do not overlap on the grid", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { gridPos, title } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    }
    const pairs = panels.flatMap((a, i) => panels.slice(i + 1).map((b) => [a, b] as const));
    const overlaps = pairs.filter(([a, b]) => overlap(a, b));
    expect(overlaps.map(([a, b]) => `${a.title} / ${b.title}`)).toEqual([]);
  });

  test("has panels with a title, a description, a unit, and queries", () => {
    for (const { title, description = "", fieldConfig, targets = [] } of drawn) {
      expect(title).not.toBe("");
      expect(description.length, title).toBeGreaterThan(15);
      expect(fieldConfig?.defaults.unit ?? "", title).not.toBe("");
      expect(targets.length, title).toBeGreaterThan(0);
    }
    expect(new Set(drawn.map(({ title }) => title)).size).toBe(drawn.length);
  });

  test("filters every series by job, so two deployments do not mix", () => {
    const loose = pagodaQueries().filter(
      ({ expr }) => expr.split('job=~"$job"').length <= seriesNames(expr).length,
    );
    expect(loose.map(({ panel, expr }) => `${panel}: ${expr}`)).toEqual([]);
  });
});

describe("every expression", () => {
  const ours = [
    ...pagodaQueries().map(({ expr }) => expr),
    ...annotations.list.map(({ expr }) => expr),
    ...rules().map(({ expr }) => expr),
  ];
  const official = officialQueries();

  test("in Pagoda's dashboard and rules reads existing series", () => {
    expect(ours.length).toBeGreaterThan(100);
    expect(unknownSeries(ours)).toEqual([]);
  });

  test("in the official dashboards reads existing series, unless it needs a missing feature", () => {
    const fed = official.filter(({ needs }) => needs === null);
    expect(fed.length).toBe(285);
    expect(unknownSeries(fed.map(({ expr }) => expr))).toEqual([
      // The second operand of an "or", after sleep mode's series.
      "vllm:rl_weight_update_operation_duration_seconds_count",
      "vllm:rl_weight_update_operation_duration_seconds_sum",
      "vllm:rl_weight_update_operation_duration_seconds_bucket",
    ]);
    const starved = official.filter(({ needs }) => needs !== null);
    expect(starved.filter(({ expr }) => unknownSeries([expr]).length === 0)).toEqual([]);
  });

  test.skipIf(!hasPromtool)("is valid PromQL", () => {
    const exprs = [...ours, ...official.map(({ expr }) => expr)];
    expect(expressionFaults(exprs.map((expr) => substitute(expr, VALUES)))).toBe("");
  });

  test.skipIf(!hasPromtool)("is checked by promtool, which detects a broken expression", () => {
    expect(expressionFaults(["sum(up", "up"])).toContain("parse error");
  });
});

describe("series names", () => {
  test("are extracted from expressions with matchers, ranges, groupings, and functions", () => {
    const expr =
      'histogram_quantile(0.9, sum by (le, job) (rate(vllm:a_bucket{le="b(c)", x=~"d"}[5m]))) ' +
      "/ on (job) group_left (model_name) (up > bool 0) or vector(0) unless instance:c:rate5m";
    expect(seriesNames(expr)).toEqual(["instance:c:rate5m", "up", "vllm:a_bucket"]);
  });

  test("can contain variables, which are replaced longest name first", () => {
    expect(substitute("$model_name $model", { model: "a", model_name: "b" })).toBe("b a");
  });
});

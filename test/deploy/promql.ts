// PromQL in dashboards: short forms for repeated expressions, Grafana's variables and macros, and the
// metric names that an expression reads.

/** A query in a dashboard's panel. */
export interface DashboardQuery {
  readonly dashboard: string;
  readonly panel: string;
  /** PromQL with unexpanded Grafana variables and macros. */
  readonly expr: string;
  /** Missing feature without which the query has no data; null if the query must have data. */
  readonly needs: Feature | null;
}

export type Feature = "multimodal input" | "KV connector" | "NIXL" | "KV offload" | "MFU estimates";

/** Label matchers in the newest dashboards: for a model, an engine, and a scrape target. */
export const MODEL = 'job=~"$job", model_name=~"$model_name", instance=~"$instance"';
export const ENGINE = `${MODEL}, engine=~"$engine"`;
export const TARGET = 'job=~"$job", instance=~"$instance"';

export const RATE_INTERVAL = "$__rate_interval";

/** Labels to group by; empty for the total. */
type Labels = string;

const byClause = (by: Labels) => (by === "" ? "" : ` by (${by}) `);

/** Short forms for series that `selector` matches; metric names omit "vllm:". */
export function shortForms(selector: string, range = RATE_INTERVAL) {
  const series = (metric: string, matcher = "") =>
    `vllm:${metric}{${matcher === "" ? selector : `${selector}, ${matcher}`}}`;
  const rate = (metric: string, by: Labels = "", matcher = "") =>
    `sum${byClause(by)}(rate(${series(metric, matcher)}[${range}]))`;
  const ratio = (top: string, bottom: string, by: Labels = "") =>
    `${rate(top, by)} / (${rate(bottom, by)} > 0)`;
  const mean = (histogram: string, by: Labels = "") =>
    ratio(`${histogram}_sum`, `${histogram}_count`, by);
  const quantile = (q: number, histogram: string, by: Labels = "") => {
    const labels = by === "" ? "le" : `le, ${by}`;
    return `histogram_quantile(${q}, sum by (${labels}) (rate(${series(`${histogram}_bucket`)}[${range}])))`;
  };
  const percentiles = (histogram: string) => [
    quantile(0.5, histogram),
    quantile(0.95, histogram),
    quantile(0.99, histogram),
    mean(histogram),
  ];
  return { series, rate, ratio, mean, quantile, percentiles };
}

/** Queries in one panel. */
export function panel(
  dashboard: string,
  title: string,
  exprs: string | readonly string[],
  needs: Feature | null = null,
): DashboardQuery[] {
  const list = typeof exprs === "string" ? [exprs] : exprs;
  return list.map((expr) => ({ dashboard, panel: title, expr, needs }));
}

/** Replaces `$name`, longer names first, so `$model` does not match the start of `$model_name`. */
export function substitute(expr: string, values: Readonly<Record<string, string>>): string {
  return Object.keys(values)
    .sort((a, b) => b.length - a.length)
    .reduce((text, name) => text.replaceAll(`$${name}`, values[name] ?? ""), expr);
}

/** Sorted unique names of the series that an expression reads, including recorded ones. */
export function seriesNames(expr: string): string[] {
  const bare = expr
    .replace(/"(\\.|[^"\\])*"/g, '""')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, " ")
    .replace(/\{[^}]*\}/g, " ")
    .replace(/\[[^\]]*\]/g, " ")
    .replace(/\$\w+/g, " ");
  const words = bare.match(/[a-zA-Z_:][\w:]*(?!\w*\s*\()/g) ?? [];
  return [...new Set(words.filter((word) => !WORDS.has(word)))].sort();
}

const WORDS = new Set([
  ..."and or unless bool offset group_left group_right by without on ignoring".split(" "),
  ..."sum max min avg count group topk inf nan".split(" "),
]);

// The report's plots as inline SVG: ratio bars with quartiles and gates, and distributions.

export const OURS = "#0b7285";
export const PEER = "#e8590c";
export const INK = "#343a40";
export const FAINT = "#dee2e6";

export const escaped = (text: string) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

export const fixed = (value: number) => value.toFixed(1);

interface TextOptions {
  readonly anchor?: "start" | "middle" | "end";
  readonly fill?: string;
}

export function label(x: number, y: number, text: string, options: TextOptions = {}): string {
  const { anchor = "start", fill = INK } = options;
  const place = `x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}" fill="${fill}"`;
  return `<text ${place}>${escaped(text)}</text>`;
}

export const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1) =>
  `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="${stroke}" stroke-width="${width}"/>`;

export const svg = (width: number, height: number, title: string, body: readonly string[]) =>
  `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">${body.join("")}</svg>`;

export interface RatioBar {
  readonly name: string;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly gate: number | null;
  readonly stretch: number | null;
  /** Whether the bar is drawn pale, because the comparison is inconclusive. */
  readonly isDisturbed: boolean;
}

const RATIO = { left: 90, right: 60, row: 30, top: 26, width: 760 } as const;

/** Powers of ten, and 2 and 5 times powers of ten. */
function ratioTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of [1, 2, 5]) ticks.push(step * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** Ratios on a logarithmic axis; at 1, both servers are equally fast. */
export function ratioPlot(bars: readonly RatioBar[]): string {
  const { left, right, row, top, width } = RATIO;
  const values = bars.flatMap((bar) => [bar.q1, bar.q3, bar.gate ?? 1, bar.stretch ?? 1]);
  const finite = values.filter((value) => value > 0 && Number.isFinite(value));
  const [low, high] = [Math.min(0.5, ...finite) * 0.9, Math.max(2, ...finite) * 1.1];
  const span = Math.log(high / low);
  const x = (value: number) =>
    left + ((width - left - right) * Math.log(Math.max(value, low) / low)) / span;
  const bottom = top + row * bars.length;
  const axis = ratioTicks(low, high).flatMap((tick) => [
    line(x(tick), top - 6, x(tick), bottom, tick === 1 ? INK : FAINT),
    label(x(tick), top - 12, `${tick}x`, { anchor: "middle" }),
  ]);
  const rows = bars.map((bar, i) => ratioRow(bar, top + row * i, x));
  return svg(width, bottom + 8, "ratio to the peer", [...axis, ...rows]);
}

function ratioRow(bar: RatioBar, top: number, x: (value: number) => number): string {
  const middle = top + RATIO.row / 2;
  const [start, end] = [x(Math.min(1, bar.median)), x(Math.max(1, bar.median))];
  const opacity = bar.isDisturbed ? 0.35 : 1;
  const fill = bar.median >= 1 ? OURS : PEER;
  const body = `<rect x="${fixed(start)}" y="${fixed(middle - 8)}" width="${fixed(end - start)}" height="16" fill="${fill}" opacity="${opacity}"/>`;
  const gates = [bar.gate, bar.stretch].filter((gate) => gate !== null);
  return [
    label(RATIO.left - 8, middle + 4, bar.name, { anchor: "end" }),
    body,
    line(x(bar.q1), middle, x(bar.q3), middle, INK, 2),
    ...[bar.q1, bar.q3].map((value) => line(x(value), middle - 4, x(value), middle + 4, INK, 2)),
    ...gates.map((gate) => line(x(gate), middle - 12, x(gate), middle + 12, "#c92a2a", 2)),
    label(Math.max(x(bar.median), x(bar.q3)) + 6, middle + 4, `${bar.median.toFixed(2)}x`),
  ].join("");
}

export interface Series {
  readonly name: string;
  readonly color: string;
  readonly values: readonly number[];
}

const CURVE = { left: 40, right: 14, top: 22, bottom: 34, width: 370, height: 190 } as const;

/** Cumulative share of values, on a logarithmic axis of milliseconds. */
export function distributionPlot(title: string, series: readonly Series[]): string {
  const { left, right, top, bottom, width, height } = CURVE;
  const positive = series.flatMap(({ values }) => values.filter((value) => value > 0));
  if (positive.length === 0) return "";
  const low = Math.max(0.01, positive.reduce((a, b) => Math.min(a, b)) * 0.8);
  const high = Math.max(low * 2, positive.reduce((a, b) => Math.max(a, b)) * 1.2);
  const x = (ms: number) =>
    left + ((width - left - right) * Math.log(Math.max(ms, low) / low)) / Math.log(high / low);
  const y = (share: number) => top + (height - top - bottom) * (1 - share);
  const ticks = ratioTicks(low, high).filter(
    (tick, _, all) => all.length < 7 || isPowerOfTen(tick),
  );
  const axis = [
    label(left, 12, title),
    ...[0, 0.5, 0.99].flatMap((share) => [
      line(left, y(share), width - right, y(share), FAINT),
      label(left - 5, y(share) + 4, share === 0.99 ? "p99" : `${100 * share}%`, { anchor: "end" }),
    ]),
    ...ticks.flatMap((tick) => [
      line(x(tick), y(0), x(tick), y(0) + 4, INK),
      label(x(tick), y(0) + 17, String(Number(tick.toPrecision(1))), { anchor: "middle" }),
    ]),
    label(width - right, height - 2, "ms", { anchor: "end" }),
  ];
  const curves = series.map(({ values, color }) => curve(values, color, x, y));
  return svg(width, height, title, [...axis, ...curves]);
}

const isPowerOfTen = (value: number) => Number.isInteger(Math.round(1e6 * Math.log10(value)) / 1e6);

const POINTS = 100;

function curve(
  values: readonly number[],
  color: string,
  x: (ms: number) => number,
  y: (share: number) => number,
): string {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return "";
  const points = Array.from({ length: POINTS + 1 }, (_, i) => {
    const value = sorted[Math.round((i / POINTS) * (sorted.length - 1))] ?? 0;
    return `${fixed(x(value))},${fixed(y(i / POINTS))}`;
  });
  return `<polyline points="${points.join(" ")}" fill="none" stroke="${color}" stroke-width="2"/>`;
}

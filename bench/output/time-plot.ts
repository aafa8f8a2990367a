// Plots values over time as inline SVG, with an axis that starts at zero, gaps where there is no value, and
// vertical lines at events.

import { FAINT, fixed, INK, label, line, svg } from "./svg.ts";

export interface TimePlot {
  readonly title: string;
  /** Unit of the values. */
  readonly unit: string;
  /** Times in seconds, ascending. */
  readonly timesS: readonly number[];
  readonly series: readonly TimeSeries[];
  readonly marks: readonly Mark[];
}

export interface TimeSeries {
  readonly name: string;
  readonly color: string;
  /** Parallel to the times; null = no value. */
  readonly values: readonly (number | null)[];
}

export interface Mark {
  readonly atS: number;
  readonly color: string;
}

const SIZE = { left: 64, right: 12, top: 26, bottom: 36, width: 1040, height: 190 } as const;
const { left: LEFT, top: TOP } = SIZE;
const [RIGHT, BOTTOM] = [SIZE.width - SIZE.right, SIZE.height - SIZE.bottom];

/** Maps times, and values in `[0, most]`, to coordinates. */
interface Scales {
  readonly x: (seconds: number) => number;
  readonly y: (value: number) => number;
}

export function timePlot({ title, unit, timesS, series, marks }: TimePlot): string {
  const endS = Math.max(1, timesS.at(-1) ?? 0);
  const values = series.flatMap((one) => one.values).filter((value) => value !== null);
  const highest = values.reduce((most, value) => Math.max(most, value), 0);
  const valueStep = roundStep(highest / 4);
  const most = valueStep * Math.max(1, Math.ceil(highest / valueStep));
  const scales: Scales = {
    x: (seconds) => LEFT + ((RIGHT - LEFT) * seconds) / endS,
    y: (value) => BOTTOM - ((BOTTOM - TOP) * value) / most,
  };
  return svg(SIZE.width, SIZE.height, title, [
    ...legend(`${title}, ${unit}`, series),
    ...valueAxis(scales, valueStep, most),
    ...timeAxis(scales, endS),
    ...marks.map(({ atS, color }) => line(scales.x(atS), TOP, scales.x(atS), BOTTOM, color)),
    ...series.map((one) => curve(one, timesS, scales)),
  ]);
}

/** The title and, if there are several series, each name next to its color. */
function legend(title: string, series: readonly TimeSeries[]): string[] {
  if (series.length < 2) return [label(LEFT, 14, title)];
  let x = RIGHT;
  const names = series.toReversed().flatMap(({ name, color }) => {
    const end = x;
    x -= 7 * name.length + 32;
    return [label(end, 14, name, { anchor: "end" }), line(x + 8, 10, x + 24, 10, color, 3)];
  });
  return [label(LEFT, 14, title), ...names];
}

function valueAxis({ y }: Scales, step: number, most: number): string[] {
  const ticks = Array.from({ length: Math.round(most / step) + 1 }, (_, i) => i * step);
  return ticks.flatMap((tick) => [
    line(LEFT, y(tick), RIGHT, y(tick), tick === 0 ? INK : FAINT),
    label(LEFT - 6, y(tick) + 4, tick.toLocaleString("en"), { anchor: "end" }),
  ]);
}

const TIME_STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400];
const MAX_TIME_TICKS = 12;

function timeAxis({ x }: Scales, endS: number): string[] {
  const step = TIME_STEPS_S.find((one) => endS / one <= MAX_TIME_TICKS) ?? endS;
  const [unitS, unit] = step >= 3600 ? [3600, "h"] : step >= 60 ? [60, "min"] : [1, "s"];
  const ticks = Array.from({ length: Math.floor(endS / step) + 1 }, (_, i) => i * step);
  return ticks.flatMap((tick) => [
    line(x(tick), BOTTOM, x(tick), BOTTOM + 4, INK),
    label(x(tick), BOTTOM + 17, `${Number((tick / unitS).toFixed(1))} ${unit}`, {
      anchor: tick === 0 ? "start" : "middle",
    }),
  ]);
}

/** The smallest step, 1, 2 or 5 times a power of ten, that is at least the value. */
function roundStep(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((one) => one * power >= value) ?? 10) * power;
}

/** Where several samples share a horizontal pixel, draws only the largest. */
function curve({ values, color }: TimeSeries, timesS: readonly number[], { x, y }: Scales): string {
  const parts: Map<number, number>[] = [new Map()];
  values.forEach((value, i) => {
    if (value === null) {
      parts.push(new Map());
      return;
    }
    const pixel = Math.round(x(timesS[i] ?? 0));
    const part = parts.at(-1);
    part?.set(pixel, Math.max(value, part.get(pixel) ?? 0));
  });
  return parts.map((part) => polyline(part, color, y)).join("");
}

function polyline(part: ReadonlyMap<number, number>, color: string, y: Scales["y"]): string {
  const points = [...part].map(([pixel, value]) => `${pixel},${fixed(y(value))}`);
  // A polyline of one point draws nothing, so a lone sample's point is repeated; the round cap then draws a dot.
  if (points.length === 1) points.push(...points);
  if (points.length === 0) return "";
  const look = `fill="none" stroke="${color}" stroke-width="1.5" stroke-linecap="round"`;
  return `<polyline points="${points.join(" ")}" ${look}/>`;
}

// Tables of kernel speeds, as bytes and operations per second and as percentages of the rates that the probe
// measured on the same CPU within the same minute.

import type { Cpu } from "../probe/cpu.ts";
import { bestTops, type Limits } from "../probe/probe.ts";
import type { AttentionTime, ChunkTime, ProductTime, RowTime } from "./program.ts";

const percent = (share: number) => `${(100 * share).toFixed(0)}%`;

/** Returns text such as "45.2 G (74%)": GB/s, and the percentage of the probe's memory read rate. */
function bytesCell({ bytes, seconds }: { bytes: number; seconds: number }, limits: Limits) {
  const gbs = bytes / seconds / 1e9;
  return `${gbs.toFixed(gbs < 100 ? 1 : 0)} G (${percent(gbs / limits.readGbs)})`;
}

/**
 * Relative to the tighter limit; "0.55 T (58%)" means Tops, and the percentage of the probe's int8 dot product
 * rate.
 */
function productCell(time: ProductTime, limits: Limits, cpu: Cpu): string {
  const tops = time.ops / time.seconds / 1e12;
  const share = tops / bestTops(limits, cpu);
  const readShare = time.bytes / time.seconds / 1e9 / limits.readGbs;
  return readShare > share ? bytesCell(time, limits) : `${tops.toFixed(2)} T (${percent(share)})`;
}

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string) =>
  Object.entries(Object.groupBy(items, keyOf)).map(([key, of = []]) => [key, of] as const);

/** One row per type and matrix, one column per number of activation rows. */
export function productRows(times: readonly ProductTime[], limits: Limits, cpu: Cpu): string[][] {
  const batches = [...new Set(times.map(({ batch }) => batch))].sort((a, b) => a - b);
  const head = ["type", "cols x rows", ...batches.map(String)];
  const nameOf = ({ type, cols, rows }: ProductTime) => `${type} ${cols}x${rows}`;
  const rows = groupBy(times, nameOf).map(([name, ofMatrix]) => {
    const cells = batches.map((batch) => {
      const time = ofMatrix.find((candidate) => candidate.batch === batch);
      return time === undefined ? "-" : productCell(time, limits, cpu);
    });
    return [...name.split(" "), ...cells];
  });
  return [head, ...rows];
}

export interface Tooth {
  readonly batch: number;
  /** The batch's time divided by that of the fastest larger batch; at most 1 if no larger batch is faster. */
  readonly ratio: number;
}

/**
 * Finds the batch size that is slowest relative to a larger one. More rows should never take less
 * time. This check is stricter than a comparison with the next multiple of a tile, and does not
 * depend on the tile size.
 */
export function worstTooth(times: readonly ProductTime[]): Tooth {
  const sorted = [...times].sort((a, b) => a.batch - b.batch);
  let quickest = Number.POSITIVE_INFINITY;
  let worst: Tooth = { batch: 0, ratio: 0 };
  for (const { batch, seconds } of sorted.reverse()) {
    if (seconds / quickest > worst.ratio) worst = { batch, ratio: seconds / quickest };
    quickest = Math.min(quickest, seconds);
  }
  return worst;
}

const TOOTH_COLUMNS = [1, 2, 3, 4, 5, 6, 8, 9, 12, 13, 16, 24, 25, 32, 48, 64];

/** One row per type: µs for some batch sizes, and the worst tooth over all sizes. */
export function toothRows(times: readonly ProductTime[]): string[][] {
  const head = ["type", ...TOOTH_COLUMNS.map(String), "worst, <= 1.1"];
  const rows = groupBy(times, ({ type }) => type).map(([type, ofType]) => {
    const usOf = (batch: number) => 1e6 * (ofType.find((t) => t.batch === batch)?.seconds ?? NaN);
    const { batch, ratio } = worstTooth(ofType);
    const cells = TOOTH_COLUMNS.map((column) => usOf(column).toFixed(1));
    return [type, ...cells, `${ratio.toFixed(2)} at ${batch}`];
  });
  return [head, ...rows];
}

type InContext = Pick<AttentionTime, "type" | "heads" | "kvHeads" | "context">;

/** One row per cache type and value of `column`, one column per context. */
function contextRows<T extends InContext>(
  times: readonly T[],
  column: string,
  numberOf: (time: T) => number,
  cellOf: (time: T) => string,
): string[][] {
  const contexts = [...new Set(times.map(({ context }) => context))].sort((a, b) => a - b);
  const head = ["K/V", "heads", column, ...contexts.map((context) => `${context}`)];
  const nameOf = (time: T) => `${time.type} ${time.heads}/${time.kvHeads} ${numberOf(time)}`;
  const rows = groupBy(times, nameOf).map(([name, of]) => {
    const cells = contexts.map((context) => {
      const time = of.find((candidate) => candidate.context === context);
      return time === undefined ? "-" : cellOf(time);
    });
    return [...name.split(" "), ...cells];
  });
  return [head, ...rows];
}

export function attentionRows(times: readonly AttentionTime[], limits: Limits): string[][] {
  const sequencesOf = ({ sequences }: AttentionTime) => sequences;
  return contextRows(times, "sequences", sequencesOf, (time) => bytesCell(time, limits));
}

/** @param limit the probe's Tflops */
export function chunkRows(times: readonly ChunkTime[], limit: number): string[][] {
  const tokensOf = ({ tokens }: ChunkTime) => tokens;
  return contextRows(times, "tokens", tokensOf, ({ ops, seconds }) => {
    const tflops = ops / seconds / 1e12;
    return `${tflops.toFixed(2)} (${percent(tflops / limit)})`;
  });
}

export function logitRows(times: readonly RowTime[], limits: Limits): string[][] {
  const rows = times.map((time) => {
    const us = (1e6 * time.seconds).toFixed(1);
    return [String(time.vocabulary), time.pass, us, bytesCell(time, limits)];
  });
  return [["vocabulary", "pass", "µs per row", "bytes"], ...rows];
}

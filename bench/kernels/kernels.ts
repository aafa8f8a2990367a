// `bun run bench kernels`: times matrix products, attention and sampling on one core and on all cores, with
// the CPU's best instruction set and with AVX2. Percentages are relative to a probe run just beforehand.

import { saveResults } from "../output/result-file.ts";
import { textTable } from "../output/table.ts";
import { type ForcedSet, heldTo, thisCpu } from "../probe/cpu.ts";
import { bestFloatTops, bestTops, type Limits, probe } from "../probe/probe.ts";
import {
  type AttentionTime,
  type ChunkTime,
  type KernelRun,
  type KernelTimes,
  type ProductTime,
  type RowTime,
  timeKernels,
} from "./program.ts";
import { attentionRows, chunkRows, logitRows, productRows, toothRows } from "./tables.ts";

export interface KernelOptions {
  /** The only instruction set to time; null = both the CPU's best set and AVX2. */
  readonly cpu: ForcedSet | null;
  readonly quick: boolean;
  readonly saveResult: string | null;
}

const PARTS = ["products", "attention", "rows"] as const;
const MILLISECONDS = 30;
const QUICK_MILLISECONDS = 5;

type Part = Omit<KernelRun, "milliseconds">;

export async function kernels({ cpu, quick, saveResult }: KernelOptions): Promise<void> {
  const sets = cpu === null ? [null, "avx2" as const] : [cpu];
  const threadCounts = [...new Set([1, navigator.hardwareConcurrency])];
  const milliseconds = quick ? QUICK_MILLISECONDS : MILLISECONDS;
  const results: object[] = [];
  for (const part of PARTS) {
    for (const set of sets) {
      for (const threads of threadCounts) {
        const limits = await probe(threads);
        const run: Part = { part, set, threads };
        const times = await timeKernels({ ...run, milliseconds });
        printPart(run, limits, times);
        results.push({ ...run, limits, ...times });
      }
    }
  }
  if (saveResult !== null) await saveResults(saveResult, results);
}

function printPart({ part, set, threads }: Part, limits: Limits, { sets, times }: KernelTimes) {
  const cpu = heldTo(thisCpu(), set);
  const tops = bestTops(limits, cpu).toFixed(2);
  const limit = `memory ${limits.readGbs.toFixed(0)} GB/s, int8 ${tops} Tops`;
  console.log(`\n${part}, ${sets[part]}, ${threads} threads; probe: ${limit}`);
  const of = <T>(kind: string) => times.filter((time) => time.kind === kind) as T[];
  if (part === "products") {
    console.log(
      "by number of activation rows; G: GB/s of weights, T: Tops, whichever is the tighter limit",
    );
    console.log(textTable(productRows(of<ProductTime>("product"), limits, cpu)));
    console.log(`\n1536x576, µs by number of activation rows`);
    console.log(textTable(toothRows(of<ProductTime>("tooth"))));
  } else if (part === "attention") {
    console.log(textTable(attentionRows(of<AttentionTime>("attention"), limits)));
    const floatTops = bestFloatTops(limits, cpu);
    console.log(`\nprompt chunks by context, Tflops; probe: ${floatTops.toFixed(2)}`);
    console.log(textTable(chunkRows(of<ChunkTime>("chunk"), floatTops)));
  } else {
    console.log(textTable(logitRows(of<RowTime>("row"), limits)));
  }
}

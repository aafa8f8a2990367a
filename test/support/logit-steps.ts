// All logits of selected rows, computed by the addon's step().

import { FLAG_REPORT_LOGITS, type NativeModel } from "../../src/runner/addon-types.ts";
import { NativeStep, type StepSequence } from "./native-step.ts";

/** A sequence, and the indexes of the tokens whose logits are returned; by default, all tokens. */
export interface LogitSequence extends Omit<StepSequence, "rows"> {
  readonly rowsOf?: readonly number[];
}

/** Runs one step. @returns for each sequence and row, logits [vocabSize] */
export async function logitsOf(
  model: NativeModel,
  sequences: readonly LogitSequence[],
): Promise<Float32Array[][]> {
  const { vocabSize } = model.info;
  const counts: number[] = [];
  const steps = sequences.map((sequence): StepSequence => {
    const rows = sequence.rowsOf ?? sequence.tokenIds.map((_, i) => i);
    counts.push(rows.length);
    const wanted = { numLogprobs: vocabSize, flags: FLAG_REPORT_LOGITS };
    return { ...sequence, rows: rows.map((token) => ({ token, ...wanted })) };
  });
  const results = (await new NativeStep(model).run(steps)).map(({ top }) => {
    const logits = new Float32Array(vocabSize);
    for (const { tokenId, logprob } of top) logits[tokenId] = logprob;
    return logits;
  });
  let row = 0;
  return counts.map((count) => {
    row += count;
    return results.slice(row - count, row);
  });
}

/** @returns the largest absolute difference between two lists of rows */
export function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  if (a.length !== b.length || a.length === 0) return Number.POSITIVE_INFINITY;
  const gaps = a.map((row, i) =>
    row.reduce((most, value, j) => Math.max(most, Math.abs(value - (b[i]?.[j] ?? NaN))), 0),
  );
  return Math.max(...gaps);
}

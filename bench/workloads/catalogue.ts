// All workloads by their command-line names, with the reasons why some cannot run.

import { BenchError } from "../bench-error.ts";
import { DECODE_WORKLOADS } from "./decode.ts";
import { type OpenLoopOptions, openLoopWorkload } from "./open-loop.ts";
import { PREFILL_WORKLOADS } from "./prefill.ts";
import { QUEUE_WORKLOAD } from "./queue.ts";
import { REUSE_WORKLOADS } from "./reuse.ts";
import { SPLIT_WORKLOADS } from "./split.ts";
import { STRUCTURED_WORKLOADS } from "./structured.ts";
import type { Workload } from "./workload.ts";

/** Workloads that cannot run against a server, with the reason. */
export const NOT_YET: Readonly<Record<string, string>> = {
  W9: "compares Pagoda with itself: run the measurement speculation",
};

/** Workloads with a gate, which run by default. */
const BY_DEFAULT = ["W1", "W2", "W3:512", "W3:2048", "W4", "W5", "W8", "W12", "W14", "W16"];

const numberOf = (id: string) => Number(/^W(\d+)/.exec(id)?.[1]);

export const isWorkloadWord = (word: string) => /^W\d+/.test(word);

/** Returns all workloads in numerical order. */
export function allWorkloads(options: OpenLoopOptions): Workload[] {
  const all = [...DECODE_WORKLOADS, ...PREFILL_WORKLOADS, ...REUSE_WORKLOADS, ...SPLIT_WORKLOADS];
  const others = [QUEUE_WORKLOAD, openLoopWorkload(options), ...STRUCTURED_WORKLOADS];
  return [...all, ...others].toSorted((a, b) => numberOf(a.id) - numberOf(b.id));
}

/**
 * "W2" and "W2:8" each select one workload; "W3" selects its default variants. If there are no words,
 * all default workloads are selected.
 * @throws BenchError for an unknown word
 */
export function workloadsOf(words: readonly string[], options: OpenLoopOptions): Workload[] {
  const all = allWorkloads(options);
  const asked = new Set(words.flatMap((word) => idsOf(word, all)));
  const ids = words.length === 0 ? new Set(BY_DEFAULT) : asked;
  return all.filter(({ id }) => ids.has(id));
}

function idsOf(word: string, all: readonly Workload[]): string[] {
  if (all.some(({ id }) => id === word)) return [word];
  const variants = BY_DEFAULT.filter((id) => id.startsWith(`${word}:`));
  if (variants.length > 0) return variants;
  const reason = NOT_YET[word];
  if (reason !== undefined) throw new BenchError(`${word} ${reason}`);
  const known = all.map(({ id }) => id).join(", ");
  throw new BenchError(`unknown workload ${word}; known: ${known}`);
}

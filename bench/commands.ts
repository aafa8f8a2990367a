// Maps command-line words to measurements. Checks every word before anything runs.

import type { BenchArguments } from "./arguments.ts";
import { BenchError } from "./bench-error.ts";
import { overload } from "./front/overload.ts";
import { streams } from "./front/streams.ts";
import { IN_PROCESS, measured } from "./in-process.ts";
import { kernels } from "./kernels/kernels.ts";
import { printProbe } from "./probe/probe.ts";
import { SCALING, scalingCheck } from "./scaling/catalogue.ts";
import { serving } from "./serving.ts";
import { isWorkloadWord, workloadsOf } from "./workloads/catalogue.ts";

type Command = () => Promise<void>;

/** Words that stand for several measurements. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  micro: Object.keys(IN_PROCESS),
  scaling: Object.keys(SCALING),
};

/** Front-end measurements, which run in their own processes. */
const FRONT: Readonly<Record<string, Command>> = { streams: () => streams(), overload };

/** @throws BenchError for an unknown word */
export function commandsOf(options: BenchArguments): Command[] {
  const { words } = options;
  const workloadWords = words.filter(isWorkloadWord);
  const others = wordsOfGroups(words.filter((word) => !isWorkloadWord(word)));
  const inProcess = others.map((word) => {
    const measurement = measurementOf(word, options);
    return () => measured(word, measurement);
  });
  if (others.length > 0 && workloadWords.length === 0) return inProcess;
  const workloads = workloadsOf(workloadWords, options);
  return [...inProcess, () => serving(workloads, options)];
}

/** Expands groups into their words. "scaling S1" means only S1. */
function wordsOfGroups(words: readonly string[]): string[] {
  const namesCheck = words.some((word) => /^S\d+$/.test(word));
  const named = words.flatMap((word) =>
    word === "scaling" && namesCheck ? [] : (GROUPS[word] ?? [word]),
  );
  return [...new Set(named)];
}

function measurementOf(word: string, options: BenchArguments): Command {
  if (/^S\d+$/.test(word)) return scalingCheck(word);
  if (word === "probe") return printProbe;
  if (word === "kernels") return () => kernels(options);
  const measurement = IN_PROCESS[word] ?? FRONT[word];
  if (measurement !== undefined) return measurement;
  const known = [
    "W1 to W17",
    "scaling",
    "probe",
    "kernels",
    ...Object.keys(FRONT),
    "micro",
    ...Object.keys(IN_PROCESS),
  ].join(", ");
  throw new BenchError(`unknown workload or measurement ${word}; known: ${known}`);
}

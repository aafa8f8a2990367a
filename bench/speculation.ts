// Speculative decoding compared with decoding without it (W9): the rate of output tokens with copies and edits of a
// given text, which repeat their input, and with text at a high temperature, which does not. Each
// pair of runs uses new prompts, whose blocks are cached beforehand. The outputs must be identical.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type SpeculationConfig,
  speculationConfig,
} from "../src/speculation/speculation-config.ts";
import { type BenchEngine, generateAll, loadRunner, startEngine } from "./engine.ts";
import { inPairs, median, report } from "./measure.ts";

const NUM_BLOCKS = 1025;
const MAX_TOKENS = 128;
const TEXT_CHARACTERS = 700;

const METHODS: readonly (SpeculationConfig | null)[] = [
  speculationConfig({ method: "ngram", num_speculative_tokens: 15, prompt_lookup_min: 3 }),
  speculationConfig({ method: "suffix", num_speculative_tokens: 15 }),
];

interface Case {
  readonly name: string;
  readonly numStreams: number;
  readonly numPairs: number;
  readonly temperature: number;
  /** Prompt about a given text. */
  readonly prompt: (text: string) => string;
  readonly target: string;
}

const copied = (text: string) => `${text}\n\nThe same text once more:\n\n${text.slice(0, 80)}`;
const story = (text: string) => `A story about ${text.split(" ").slice(0, 4).join(" ")}. Once`;
const copies = { numPairs: 5, temperature: 0, prompt: copied };
const stories = { numPairs: 5, temperature: 1.5, prompt: story, target: ">= 0.97" };

const CASES: readonly Case[] = [
  { ...copies, name: "a given text, 1 stream", numStreams: 1, target: ">= 1.8" },
  { ...copies, name: "a given text, 16 streams", numStreams: 16, target: ">= 0.97" },
  { ...stories, name: "temperature 1.5, 1 stream", numStreams: 1 },
  { ...stories, name: "temperature 1.5, 16 streams", numStreams: 16 },
];

/** @returns parts of the documentation, all different */
function texts(): string[] {
  const folder = join(import.meta.dir, "..", "docs");
  const files = readdirSync(folder).filter((name) => name.endsWith(".md"));
  const whole = files.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  const count = Math.floor(whole.length / TEXT_CHARACTERS);
  return Array.from({ length: count }, (_, i) =>
    whole.slice(i * TEXT_CHARACTERS, (i + 1) * TEXT_CHARACTERS),
  );
}

/** Generates from all prompts at once. @returns output tokens per second, and the tokens */
async function run(
  { engine }: BenchEngine,
  prompts: readonly Int32Array[],
  temperature: number,
): Promise<{ rate: number; tokens: string }> {
  await generateAll(engine, prompts, { maxTokens: 1 });
  const start = performance.now();
  const answers = await generateAll(engine, prompts, {
    ...{ maxTokens: MAX_TOKENS, temperature, seed: 7n },
  });
  const seconds = (performance.now() - start) / 1000;
  const tokens = answers.map(({ tokenIds }) => tokenIds.join()).join(" ");
  return { rate: (prompts.length * MAX_TOKENS) / seconds, tokens };
}

export async function speculation(): Promise<void> {
  const plain = startEngine(await loadRunner(NUM_BLOCKS), NUM_BLOCKS);
  for (const config of METHODS) {
    const drafting = startEngine(await loadRunner(NUM_BLOCKS), NUM_BLOCKS, undefined, true, config);
    const given = texts();
    for (const one of CASES) {
      const { name, numStreams, numPairs, temperature, prompt } = one;
      const parts = given.splice(0, numStreams * numPairs);
      const prompts = await Promise.all(
        parts.map((text) => plain.engine.calls.encode(prompt(text), false)),
      );
      const ofPair = (pair: number) => prompts.slice(pair * numStreams, (pair + 1) * numStreams);
      const pairs = await inPairs(
        numPairs,
        (pair) => run(plain, ofPair(pair), temperature),
        (pair) => run(drafting, ofPair(pair), temperature),
      );
      const isEqual = pairs.every(([without, with_]) => without.tokens === with_.tokens);
      const ratio = median(pairs.map(([without, with_]) => with_.rate / without.rate));
      const label = `${config?.method}: ${name}${isEqual ? "" : " (DIFFERENT OUTPUT)"}`;
      report(label, ratio.toFixed(2), one.target);
    }
    await drafting.shutdown();
  }
  await plain.shutdown();
}

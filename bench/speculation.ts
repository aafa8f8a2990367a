// Speculative decoding compared with decoding without it (W9): the output token rate for copies, edits, and quotes of a
// given text and for programs, which repeat their input, and for text at a high temperature, which does not. Each pair
// of runs uses new prompts, whose blocks are cached beforehand. The outputs must be identical. Then measures a
// draft model's acceptance rate.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type SpeculationConfig,
  speculationConfig,
} from "../src/speculation/speculation-config.ts";
import { writeFewerLayers } from "../test/support/fewer-layers.ts";
import { type BenchEngine, generateAll, loadRunner, MODEL_PATH, startEngine } from "./engine.ts";
import { inPairs, median, report } from "./measure.ts";

const NUM_BLOCKS = 1025;
const MAX_TOKENS = 128;
const TEXT_CHARACTERS = 700;

/** The draft model's layers: 22 of the model's 30. */
const LAYERS = Array.from({ length: 30 }, (_, i) => i).filter((i) => i < 5 || i % 3 !== 0);

interface Method {
  readonly name: string;
  readonly config: SpeculationConfig | null;
  readonly draftPath: string;
}

const config = (fields: Readonly<Record<string, unknown>>) => speculationConfig(fields);
const draftModel = (name: string, draftPath: string): Method => ({
  ...{ name, draftPath },
  config: config({ method: "draft_model", model: draftPath, num_speculative_tokens: 4 }),
});

const methodsWith = (fewerLayers: string): readonly Method[] => [
  {
    ...{ name: "ngram", draftPath: "" },
    config: config({ method: "ngram", num_speculative_tokens: 15, prompt_lookup_min: 3 }),
  },
  {
    ...{ name: "suffix", draftPath: "" },
    config: config({ method: "suffix", num_speculative_tokens: 15 }),
  },
  draftModel("draft model of 22 layers", fewerLayers),
];

interface Case {
  readonly name: string;
  readonly numStreams: number;
  readonly numPairs: number;
  readonly temperature: number;
  readonly corpus: keyof typeof CORPORA;
  /** Makes a prompt from a given text. */
  readonly prompt: (text: string) => string;
  readonly target: string;
}

const CORPORA = {
  prose: { folder: join("..", "docs"), extension: ".md" },
  programs: { folder: join("..", "src", "scheduler"), extension: ".ts" },
} as const;

const copied = (text: string) => `${text}\n\nThe same text once more:\n\n${text.slice(0, 80)}`;
const edited = (text: string) =>
  `${text}\n\nThe same text with "the" replaced by "this":\n\n${text.slice(0, 160).replaceAll("the", "this")}`;
const quoted = (text: string) => `${text}\n\nThe text begins as follows:\n\n"${text.slice(0, 40)}`;
const story = (text: string) => `A story about ${text.split(" ").slice(0, 4).join(" ")}. Once`;
const copies = { numPairs: 5, temperature: 0, corpus: "prose", prompt: copied } as const;
const stories = { ...copies, temperature: 1.5, prompt: story, target: ">= 0.97" };

const CASES: readonly Case[] = [
  { ...copies, name: "a given text, 1 stream", numStreams: 1, target: ">= 1.8" },
  { ...copies, name: "a given text, 16 streams", numStreams: 16, target: ">= 0.97" },
  { ...copies, name: "a program, 1 stream", numStreams: 1, corpus: "programs", target: "" },
  { ...copies, name: "an edit, 1 stream", numStreams: 1, prompt: edited, target: "" },
  { ...copies, name: "a quote, 1 stream", numStreams: 1, prompt: quoted, target: "" },
  { ...stories, name: "temperature 1.5, 1 stream", numStreams: 1 },
  { ...stories, name: "temperature 1.5, 16 streams", numStreams: 16 },
];

/** Target for each case. A 22-layer draft model cannot make decoding faster, but must not make it slower. */
const targetOf = ({ draftPath }: Method, { target }: Case) =>
  draftPath === "" ? target : ">= 0.97";

/** @returns parts of a corpus, each different from all others */
function textsOf({ folder, extension }: (typeof CORPORA)[keyof typeof CORPORA]): string[] {
  const path = join(import.meta.dir, folder);
  const files = readdirSync(path).filter((name) => name.endsWith(extension));
  const whole = files.map((name) => readFileSync(join(path, name), "utf8")).join("\n");
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
  const folder = mkdtempSync(join(tmpdir(), "pagoda-bench-"));
  const fewerLayers = join(folder, "fewer-layers.gguf");
  writeFewerLayers(MODEL_PATH, fewerLayers, LAYERS);
  const plain = startEngine(await loadRunner(NUM_BLOCKS), NUM_BLOCKS);
  for (const method of methodsWith(fewerLayers)) await compare(plain, method);
  await acceptance(plain, draftModel("draft by the model itself", MODEL_PATH), "> 0.95, > 3.5");
  await acceptance(plain, draftModel("draft model of 22 layers", fewerLayers), "");
  await plain.shutdown();
  rmSync(folder, { recursive: true });
}

async function compare(plain: BenchEngine, method: Method): Promise<void> {
  const runner = await loadRunner(NUM_BLOCKS, { draftPath: method.draftPath });
  const drafting = startEngine(runner, NUM_BLOCKS, undefined, true, method.config);
  const given = { prose: textsOf(CORPORA.prose), programs: textsOf(CORPORA.programs) };
  for (const one of CASES) {
    const { name, numStreams, numPairs, temperature, prompt, corpus } = one;
    const prompts = await promptsOf(plain, given[corpus].splice(0, numStreams * numPairs), prompt);
    const ofPair = (pair: number) => prompts.slice(pair * numStreams, (pair + 1) * numStreams);
    const pairs = await inPairs(
      numPairs,
      (pair) => run(plain, ofPair(pair), temperature),
      (pair) => run(drafting, ofPair(pair), temperature),
    );
    const isEqual = pairs.every(([without, with_]) => without.tokens === with_.tokens);
    const ratio = median(pairs.map(([without, with_]) => with_.rate / without.rate));
    const label = `${method.name}: ${name}${isEqual ? "" : " (DIFFERENT OUTPUT)"}`;
    report(label, ratio.toFixed(2), targetOf(method, one));
  }
  await drafting.shutdown();
}

const promptsOf = (
  { engine }: BenchEngine,
  texts: readonly string[],
  prompt: (text: string) => string,
) => Promise.all(texts.map((text) => engine.calls.encode(prompt(text), false)));

/** Reports the share of drafts accepted by greedy decoding if all are verified, and the mean tokens per step. */
async function acceptance(plain: BenchEngine, method: Method, target: string): Promise<void> {
  const runner = await loadRunner(NUM_BLOCKS, { draftPath: method.draftPath });
  const drafting = startEngine(runner, NUM_BLOCKS, undefined, true, method.config, false);
  const prompts = await promptsOf(plain, textsOf(CORPORA.prose).slice(0, 16), (text) => text);
  await generateAll(drafting.engine, prompts, { maxTokens: MAX_TOKENS });
  const { numDrafts, numDraftTokens, numAcceptedTokens } = drafting.counts;
  const rate = (numAcceptedTokens / numDraftTokens).toFixed(3);
  const length = (1 + numAcceptedTokens / numDrafts).toFixed(2);
  report(`${method.name}: acceptance, mean length`, `${rate}, ${length}`, target);
  await drafting.shutdown();
}

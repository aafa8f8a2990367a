// Measures LoRA adapters of rank 16 on all layers of the default model: the speed of steps with adapters relative to steps
// without, in the same run; the time to load an adapter; and how much a load delays concurrent steps.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeGguf, type GgufValue } from "../test/support/gguf-writer.ts";
import { loadTestModel, NativeStep } from "../test/support/native-step.ts";
import { Prng } from "../test/support/prng.ts";
import { MODEL_PATH } from "./engine.ts";
import { inPairs, median, report } from "./measure.ts";

const RANK = 16;
const NUM_ADAPTERS = 8;
const NUM_LAYERS = 30;
/** Input and output sizes of SmolLM2-135M's matrices. */
const MATRICES = [
  ["attn_q", 576, 576],
  ["attn_k", 576, 192],
  ["attn_v", 576, 192],
  ["attn_output", 576, 576],
  ["ffn_gate", 576, 1536],
  ["ffn_up", 576, 1536],
  ["ffn_down", 1536, 576],
] as const;

const NUM_PAIRS = 9;
const STEPS_PER_SLICE = 24;
/** The first steps of a slice build the graph and are not counted. */
const STEPS_TO_WARM = 3;
const BLOCKS_PER_SEQ = 3;
const CONTEXT = 20;

interface Case {
  readonly name: string;
  readonly numStreams: number;
  readonly numAdapters: number;
  readonly target: string;
}

const CASES: readonly Case[] = [
  { name: "1 stream, 1 adapter", numStreams: 1, numAdapters: 1, target: ">= 0.85" },
  { name: "16 streams, 1 adapter", numStreams: 16, numAdapters: 1, target: "" },
  { name: "16 streams, 8 adapters", numStreams: 16, numAdapters: 8, target: ">= 0.75" },
];

function writeAdapter(path: string, seed: number): void {
  const prng = new Prng(seed);
  const tensor = (name: string, shape: readonly [number, number], size: number) => {
    const next = () => (prng.next() - 0.5) * size;
    return {
      name,
      shape,
      type: "F16",
      values: Float32Array.from({ length: shape[0] * shape[1] }, next),
    } as const;
  };
  const tensors = Array.from({ length: NUM_LAYERS }, (_, layer) =>
    MATRICES.flatMap(([name, numInputs, numOutputs]) => [
      tensor(`blk.${layer}.${name}.weight.lora_a`, [numInputs, RANK], 0.1),
      tensor(`blk.${layer}.${name}.weight.lora_b`, [RANK, numOutputs], 0.01),
    ]),
  ).flat();
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", ["string", "llama"]],
    ["general.type", ["string", "adapter"]],
    ["adapter.type", ["string", "lora"]],
    ["adapter.lora.alpha", ["f32", RANK]],
  ]);
  writeFileSync(path, encodeGguf(metadata, tensors));
}

/** Decodes greedily for one slice. @returns the duration of each counted step, in ms */
async function decode(
  step: NativeStep,
  numStreams: number,
  numAdapters: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < STEPS_PER_SLICE; i++) {
    const sequences = Array.from({ length: numStreams }, (_, s) => ({
      tokenIds: [1000 + 37 * s + i],
      start: CONTEXT + i,
      blockIds: Array.from({ length: BLOCKS_PER_SEQ }, (_, b) => 1 + s * BLOCKS_PER_SEQ + b),
      adapter: numAdapters === 0 ? -1 : s % numAdapters,
      rows: [{ numLogprobs: -1 }],
    }));
    await step.run(sequences);
    times.push(step.forwardMs);
  }
  return times.slice(STEPS_TO_WARM);
}

export async function lora(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-lora-"));
  const paths = Array.from({ length: NUM_ADAPTERS }, (_, i) => join(folder, `${i}.gguf`));
  for (const [i, path] of paths.entries()) writeAdapter(path, i + 1);
  const model = await loadTestModel(MODEL_PATH, {
    ...{
      numThreads: navigator.hardwareConcurrency,
      maxAdapters: NUM_ADAPTERS,
      maxAdapterRank: RANK,
    },
  });
  const step = new NativeStep(model);
  const loadTimes: number[] = [];
  for (const [slot, path] of paths.entries()) {
    const start = performance.now();
    await model.loadAdapter(path, slot);
    loadTimes.push(performance.now() - start);
  }
  report("loading an adapter", `${median(loadTimes).toFixed(0)} ms`, "<= 200 ms");
  for (const { name, numStreams, numAdapters, target } of CASES) {
    const pairs = await inPairs(
      NUM_PAIRS,
      async () => median(await decode(step, numStreams, 0)),
      async () => median(await decode(step, numStreams, numAdapters)),
    );
    const ratio = median(pairs.map(([base, adapted]) => base / adapted));
    report(`speed relative to the base model's, ${name}`, ratio.toFixed(3), target);
  }
  const delays = await inPairs(
    NUM_PAIRS,
    async () => Math.max(...(await decode(step, 1, 1))),
    async (pair) => {
      const load = model.loadAdapter(paths[1 + (pair % 7)] ?? "", 1 + (pair % 7));
      const times = await decode(step, 1, 1);
      await load;
      return Math.max(...times);
    },
  );
  const delay = median(delays.map(([idle, loading]) => loading - idle));
  report("longest step during a load, added time", `${delay.toFixed(1)} ms`, "<= 5 ms");
  await model.dispose();
  rmSync(folder, { recursive: true, force: true });
}

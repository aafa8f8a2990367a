// LoRA adapters with random values for the tiny models, as llama.cpp's convert_lora_to_gguf.py writes them, and the same
// change merged into a model's weights.

import { writeFileSync } from "node:fs";
import { encodeGguf, type GgufTensor, type GgufValue, type TensorType } from "./gguf-writer.ts";
import { Prng } from "./prng.ts";
import { type TinyGgufOptions, tinyGguf } from "./tiny-gguf.ts";

export interface TinyAdapterOptions {
  readonly rank?: number;
  /** Numerator of the scale alpha / rank; 0 = unscaled. */
  readonly alpha?: number;
  readonly type?: TensorType;
  readonly seed?: number;
  /** Size of the adapter's effect: standard deviation of B's values. */
  readonly strength?: number;
  /** Chooses the weights to change; by default, all of the layers' matrices. */
  readonly changes?: (weight: string) => boolean;
  /** Metadata that replaces or adds keys. */
  readonly metadata?: ReadonlyMap<string, GgufValue>;
}

const DEFAULTS = { rank: 8, alpha: 16, type: "F32", seed: 1, strength: 0.05 } as const;

const isLayerMatrix = (name: string) => /^blk\.\d+\.(attn|ffn).*\.weight$/.test(name);

/** An adapter's tensors for a tiny model. */
export function tinyAdapterTensors(
  model: TinyGgufOptions = {},
  options: TinyAdapterOptions = {},
): GgufTensor[] {
  const { rank, type, seed, strength } = { ...DEFAULTS, ...options };
  const { changes = isLayerMatrix } = options;
  const prng = new Prng(seed);
  const random = (length: number, size: number) =>
    Float32Array.from({ length }, () => (prng.next() + prng.next() - 1) * 2.4 * size);
  const weights = tinyGguf(model).tensors.filter(
    ({ name, shape }) => shape.length === 2 && !name.includes("norm") && changes(name),
  );
  return weights.flatMap(({ name, shape }) => {
    const [numInputs, numOutputs] = shape as readonly [number, number];
    const isEmbedding = name === "token_embd.weight";
    const aShape = isEmbedding ? [rank, numOutputs] : [numInputs, rank];
    const bShape = isEmbedding ? [rank, numInputs] : [rank, numOutputs];
    const a = { name: `${name}.lora_a`, shape: aShape, type: typeFor(type, aShape) };
    const b = { name: `${name}.lora_b`, shape: bShape, type: typeFor(type, bShape) };
    return [
      { ...a, values: random(lengthOf(aShape), 1 / Math.sqrt(numInputs)) },
      { ...b, values: random(lengthOf(bShape), strength) },
    ];
  });
}

export function tinyAdapterMetadata(
  model: TinyGgufOptions = {},
  options: TinyAdapterOptions = {},
): Map<string, GgufValue> {
  return new Map<string, GgufValue>([
    ["general.architecture", ["string", model.architecture ?? "llama"]],
    ["general.type", ["string", "adapter"]],
    ["general.name", ["string", "tiny adapter"]],
    ["adapter.type", ["string", "lora"]],
    ["adapter.lora.alpha", ["f32", options.alpha ?? DEFAULTS.alpha]],
    ...(options.metadata ?? []),
  ]);
}

export function writeTinyAdapter(
  path: string,
  model: TinyGgufOptions = {},
  options: TinyAdapterOptions = {},
): void {
  const tensors = tinyAdapterTensors(model, options);
  writeFileSync(path, encodeGguf(tinyAdapterMetadata(model, options), tensors));
}

/** Writes a model whose weights W are W + scale * B A. The model must be in F32, like the adapter. */
export function writeMergedGguf(
  path: string,
  model: TinyGgufOptions,
  options: TinyAdapterOptions,
): void {
  const { metadata, tensors } = tinyGguf(model);
  const pairs = new Map(tinyAdapterTensors(model, options).map((t) => [t.name, t]));
  const { rank, alpha } = { ...DEFAULTS, ...options };
  const scale = alpha === 0 ? 1 : alpha / rank;
  for (const { name, shape, values } of tensors) {
    const a = pairs.get(`${name}.lora_a`)?.values;
    const b = pairs.get(`${name}.lora_b`)?.values;
    if (a === undefined || b === undefined) continue;
    const [numInputs = 0, numOutputs = 0] = shape;
    const isEmbedding = name === "token_embd.weight";
    for (let o = 0; o < numOutputs; o++) {
      for (let i = 0; i < numInputs; i++) {
        let sum = 0;
        for (let k = 0; k < rank; k++) {
          const ofB = b[(isEmbedding ? i : o) * rank + k] ?? 0;
          const ofA = isEmbedding ? a[o * rank + k] : a[k * numInputs + i];
          sum += ofB * (ofA ?? 0);
        }
        values[o * numInputs + i] = (values[o * numInputs + i] ?? 0) + scale * sum;
      }
    }
  }
  writeFileSync(path, encodeGguf(metadata, tensors));
}

/** The converter writes matrices whose rows are not whole Q8_0 blocks in F16. */
const typeFor = (type: TensorType, [width = 0]: readonly number[]): TensorType =>
  type === "Q8_0" && width % 32 !== 0 ? "F16" : type;

const lengthOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

// Converts the matrices of a PEFT adapter to llama.cpp's form: the rows of q and k in llama.cpp's order, the
// embedding's A transposed, and a single alpha, from which each weight's scale follows as alpha / rank.

import type { GgufHeader } from "../models/gguf-header.ts";
import { AdapterError } from "./adapter-error.ts";
import type { BufferedReader } from "./buffered-file.ts";
import type { AdapterTensor } from "./gguf-adapter.ts";
import { reorderHeads, scaled, transposed } from "./matrix.ts";
import type { PeftConfig } from "./peft-config.ts";
import type { TensorPair } from "./peft-tensors.ts";
import { type StoredTensor, shown } from "./safetensors.ts";
import { reorderedHeads } from "./weight-names.ts";

export interface Conversion {
  /** The file with the matrices. */
  readonly input: BufferedReader;
  readonly pairs: readonly TensorPair[];
  readonly config: PeftConfig;
  /** Header of the model file. */
  readonly base: GgufHeader;
  readonly architecture: string;
}

/** @throws AdapterError "adapter_tensor" or "adapter_unsupported" */
export function convertedTensors(conversion: Conversion): {
  readonly alpha: number;
  readonly tensors: readonly AdapterTensor[];
} {
  const { pairs, config } = conversion;
  const [first] = pairs;
  const alpha = first === undefined ? 0 : config.scaleOf(first.module) * first.rank;
  return { alpha, tensors: pairs.flatMap((pair) => convertedPair(conversion, pair, alpha)) };
}

function convertedPair(conversion: Conversion, pair: TensorPair, alpha: number): AdapterTensor[] {
  const { module, weight, rank } = pair;
  checkPair(conversion, pair);
  const factor = (conversion.config.scaleOf(module) * rank) / alpha;
  if (!Number.isFinite(factor)) {
    const text = `adapter_config.json is invalid: the scale of ${shown(module)} is not finite`;
    throw new AdapterError("adapter_config", text);
  }
  const a =
    weight === "token_embd.weight" ? embeddingA(conversion, pair) : matrixA(conversion, pair);
  return [
    { ...a, name: `${weight}.lora_a` },
    { ...matrixB(conversion, pair, factor), name: `${weight}.lora_b` },
  ];
}

type Matrix = Omit<AdapterTensor, "name">;

function matrixA({ input }: Conversion, { a }: TensorPair): Matrix {
  return { ...stored(a), data: () => dataOf(input, a) };
}

function embeddingA({ input }: Conversion, { a }: TensorPair): Matrix {
  const shape = shapeOf(a);
  const data = async () => transposed(await dataOf(input, a), a.type, shape);
  return { type: a.type, numBytes: a.numBytes, shape, data };
}

function matrixB({ input, base, architecture }: Conversion, pair: TensorPair, factor: number) {
  const { b, weight } = pair;
  const numHeads = headsOf(base, architecture, weight);
  const isScaled = Math.abs(factor - 1) > 1e-6;
  const data = async () => {
    const rows = await dataOf(input, b);
    if (numHeads !== null) reorderHeads(rows, b.shape[0] ?? 0, numHeads);
    return isScaled ? scaled(rows, b.type, factor) : rows;
  };
  if (!isScaled) return { ...stored(b), data };
  const numBytes = shapeOf(b).reduce((product, size) => product * size, 4);
  return { ...stored(b), type: "F32" as const, numBytes, data };
}

/** @returns the matrix's type, size and shape in GGUF's order */
function stored(tensor: StoredTensor): Omit<Matrix, "data"> {
  const [rows, columns] = shapeOf(tensor);
  return { type: tensor.type, numBytes: tensor.numBytes, shape: [columns, rows] };
}

const shapeOf = ({ shape }: StoredTensor) => [shape[0] ?? 0, shape[1] ?? 0] as const;

const dataOf = (input: BufferedReader, { start, numBytes }: StoredTensor) =>
  input.read(start, numBytes);

/** Checks what the addon cannot: the config's rank, a tied head, and that q and k consist of whole heads. */
function checkPair({ config, base, architecture }: Conversion, pair: TensorPair): void {
  const { module, weight, rank, b } = pair;
  const expected = config.rankOf(module);
  if (rank !== expected) {
    const text = `${shown(module)} has rank ${rank}, but adapter_config.json says ${expected}`;
    throw new AdapterError("adapter_tensor", text);
  }
  const hasWeight = base.tensors.some(({ name }) => name === weight);
  if (!hasWeight && weight === "output.weight") {
    const text = "the adapter changes lm_head, but the model's head is its embedding matrix";
    throw new AdapterError("adapter_unsupported", text);
  }
  if (!hasWeight) {
    const text = `the adapter changes ${shown(module)}, but the model has no ${weight}`;
    throw new AdapterError("adapter_tensor", text);
  }
  const numHeads = headsOf(base, architecture, weight);
  const numRows = b.shape[0] ?? 0;
  if (numHeads === null || numRows % (2 * numHeads) === 0) return;
  const text = `${shown(module)} has ${numRows} rows, which cannot be divided among ${numHeads} heads`;
  throw new AdapterError("adapter_tensor", text);
}

/** @returns the number of heads whose rows are in a different order; null if the order is the same */
function headsOf({ metadata }: GgufHeader, architecture: string, weight: string): number | null {
  const kind = reorderedHeads(architecture, weight);
  if (kind === null) return null;
  const layer = Number(/^blk\.(\d+)\./.exec(weight)?.[1] ?? 0);
  const numberOf = (key: string) => {
    const value = metadata.get(`${architecture}.attention.${key}`);
    return Number(Array.isArray(value) ? value[layer] : value);
  };
  const numHeads = numberOf("head_count");
  const numKvHeads = numberOf("head_count_kv");
  return kind === "k" && numKvHeads > 0 ? numKvHeads : numHeads;
}

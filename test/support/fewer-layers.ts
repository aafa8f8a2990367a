// Copies a GGUF file with only some of its layers, as a draft model that is faster than the original and often right.

import { readFileSync, writeFileSync } from "node:fs";
import { aligned, GgufReader } from "./gguf-reader.ts";

interface Tensor {
  readonly name: string;
  /** Dimensions and type, as stored. */
  readonly shape: Uint8Array;
  readonly offset: number;
}

function readTensor(reader: GgufReader): Tensor {
  const name = reader.string();
  const start = reader.at;
  const numDims = reader.u32();
  reader.at += 8 * numDims + 4;
  return { name, shape: reader.bytes.slice(start, reader.at), offset: reader.u64() };
}

/** @param layers ascending indices of the layers to keep */
export function writeFewerLayers(from: string, to: string, layers: readonly number[]): void {
  const bytes = new Uint8Array(readFileSync(from));
  const reader = new GgufReader(bytes);
  reader.at = 8;
  const numTensors = reader.u64();
  const numKeys = reader.u64();
  const metadataStart = reader.at;
  for (let i = 0; i < numKeys; i++) {
    const key = reader.string();
    const type = reader.u32();
    if (key.endsWith(".block_count")) reader.view.setUint32(reader.at, layers.length, true);
    reader.skipValue(type);
  }
  const metadata = bytes.slice(metadataStart, reader.at);
  const tensors = Array.from({ length: numTensors }, () => readTensor(reader));
  const dataStart = aligned(reader.at);
  const ends = [...tensors.map(({ offset }) => offset), bytes.length - dataStart].sort(
    (a, b) => a - b,
  );
  const kept = tensors.flatMap((tensor) => {
    const name = newName(tensor.name, layers);
    const end = ends.find((other) => other > tensor.offset) ?? 0;
    const data = bytes.subarray(dataStart + tensor.offset, dataStart + end);
    return name === null ? [] : [{ ...tensor, name, data }];
  });
  const parts: Uint8Array[] = [bytes.slice(0, 8), u64(kept.length), u64(numKeys), metadata];
  let offset = 0;
  for (const { name, shape, data } of kept) {
    const text = new TextEncoder().encode(name);
    parts.push(u64(text.length), text, shape, u64(offset));
    offset += aligned(data.length);
  }
  const head = Buffer.concat(parts);
  const padded = kept.flatMap(({ data }) => [data, padding(data.length)]);
  writeFileSync(to, Buffer.concat([head, padding(head.length), ...padded]));
}

/** @returns a tensor's name in the new file; null if its layer is left out */
function newName(name: string, layers: readonly number[]): string | null {
  const match = /^blk\.(\d+)\.(.*)$/.exec(name);
  if (match === null) return name;
  const layer = layers.indexOf(Number(match[1]));
  return layer < 0 ? null : `blk.${layer}.${match[2]}`;
}

const padding = (length: number) => new Uint8Array(aligned(length) - length);

const u64 = (value: number) => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);

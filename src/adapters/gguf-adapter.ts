// Writes an adapter in llama.cpp's format (convert_lora_to_gguf.py): GGUF version 3, little endian.

import type { FileHandle } from "node:fs/promises";
import { BufferedWriter } from "./buffered-file.ts";
import type { TensorType } from "./safetensors.ts";

export interface AdapterTensor {
  readonly name: string;
  readonly type: TensorType;
  /** Sizes, fastest-varying dimension first. */
  readonly shape: readonly [number, number];
  readonly numBytes: number;
  /** Reads or computes the data when it is written. */
  readonly data: () => Promise<Uint8Array>;
}

export interface AdapterMetadata {
  readonly architecture: string;
  readonly alpha: number;
  readonly invocationTokens: readonly number[];
}

const ALIGNMENT = 32;
const TYPES: Readonly<Record<TensorType, number>> = { F32: 0, F16: 1, BF16: 30 };
const U32 = 4;
const F32 = 6;
const STRING = 8;
const ARRAY = 9;

export async function writeAdapter(
  file: FileHandle,
  metadata: AdapterMetadata,
  tensors: readonly AdapterTensor[],
): Promise<void> {
  const writer = new BufferedWriter(file);
  await writer.write(header(metadata, tensors));
  for (const { data, numBytes } of tensors) {
    await writer.write(await data());
    await writer.write(new Uint8Array(aligned(numBytes) - numBytes));
  }
  await writer.flush();
}

function header(metadata: AdapterMetadata, tensors: readonly AdapterTensor[]): Uint8Array {
  const { architecture, alpha, invocationTokens } = metadata;
  const pairs = [
    stringPair("general.architecture", architecture),
    stringPair("general.type", "adapter"),
    stringPair("adapter.type", "lora"),
    Buffer.concat([string("adapter.lora.alpha"), u32(F32), f32(alpha)]),
    ...(invocationTokens.length > 0 ? [tokensPair(invocationTokens)] : []),
  ];
  const infos: Buffer[] = [];
  let offset = 0;
  for (const { name, shape, type, numBytes } of tensors) {
    const sizes = shape.map((size) => u64(size));
    infos.push(string(name), u32(shape.length), ...sizes, u32(TYPES[type]), u64(offset));
    offset += aligned(numBytes);
  }
  const counts = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(pairs.length)];
  const bytes = Buffer.concat([...counts, ...pairs, ...infos]);
  return Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)]);
}

const aligned = (length: number) => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

function stringPair(key: string, value: string): Buffer {
  return Buffer.concat([string(key), u32(STRING), string(value)]);
}

function tokensPair(tokens: readonly number[]): Buffer {
  const head = [string("adapter.alora.invocation_tokens"), u32(ARRAY), u32(U32)];
  return Buffer.concat([...head, u64(tokens.length), ...tokens.map(u32)]);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

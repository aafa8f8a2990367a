// Copies a GGUF file with every quantized matrix converted to f32, for results without further rounding of
// weights or activations. Supports Q4_1 and Q8_0, which the default model uses.

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { aligned, GgufReader } from "./gguf-reader.ts";

const F32 = 0;

/** Size in bytes of a block of 32 weights, and a decoder for its values. */
interface BlockType {
  readonly bytes: number;
  readonly read: (data: DataView, at: number, to: Float32Array, out: number) => void;
}

const BLOCK_TYPES: Readonly<Record<number, BlockType>> = {
  3: {
    bytes: 20,
    read(data, at, to, out) {
      const scale = data.getFloat16(at, true);
      const min = data.getFloat16(at + 2, true);
      for (let j = 0; j < 16; j++) {
        const byte = data.getUint8(at + 4 + j);
        to[out + j] = scale * (byte & 15) + min;
        to[out + j + 16] = scale * (byte >> 4) + min;
      }
    },
  },
  8: {
    bytes: 34,
    read(data, at, to, out) {
      const scale = data.getFloat16(at, true);
      for (let j = 0; j < 32; j++) to[out + j] = scale * data.getInt8(at + 2 + j);
    },
  },
};

interface Tensor {
  readonly numValues: number;
  readonly type: number;
  readonly offset: number;
  /** Position of the type field in the header. The offset field follows the type field. */
  readonly typeAt: number;
}

function readTensor(reader: GgufReader): Tensor {
  reader.string();
  const numDims = reader.u32();
  let numValues = 1;
  for (let i = 0; i < numDims; i++) numValues *= reader.u64();
  const typeAt = reader.at;
  return { numValues, typeAt, type: reader.u32(), offset: reader.u64() };
}

/** @throws Error for an unsupported type */
export function writeDequantizedGguf(from: string, to: string): void {
  const bytes = readFileSync(from);
  const reader = new GgufReader(bytes);
  reader.at = 8;
  const numTensors = reader.u64();
  const numKeys = reader.u64();
  for (let i = 0; i < numKeys; i++) {
    reader.string();
    reader.skipValue(reader.u32());
  }
  const tensors = Array.from({ length: numTensors }, () => readTensor(reader));
  const dataStart = aligned(reader.at);
  const head = new Uint8Array(bytes.subarray(0, dataStart));
  const headView = new DataView(head.buffer);
  let offset = 0;
  for (const { typeAt, numValues } of tensors) {
    headView.setUint32(typeAt, F32, true);
    headView.setBigUint64(typeAt + 4, BigInt(offset), true);
    offset += aligned(4 * numValues);
  }
  const file = openSync(to, "w");
  writeSync(file, head);
  for (const tensor of tensors) writeSync(file, valuesOf(reader, dataStart, tensor));
  closeSync(file);
}

function valuesOf({ view }: GgufReader, dataStart: number, tensor: Tensor): Float32Array {
  const { numValues, type } = tensor;
  const start = dataStart + tensor.offset;
  const values = new Float32Array(aligned(4 * numValues) / 4);
  if (type === F32) {
    for (let i = 0; i < numValues; i++) values[i] = view.getFloat32(start + 4 * i, true);
    return values;
  }
  const block = BLOCK_TYPES[type];
  if (block === undefined) throw new Error(`tensors of type ${type} are not supported`);
  for (let i = 0; i < numValues / 32; i++) {
    block.read(view, start + i * block.bytes, values, i * 32);
  }
  return values;
}

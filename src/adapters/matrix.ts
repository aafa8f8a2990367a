// Changes to adapter matrices: reordered rows, a factor, and the transpose. Long loops give way to the engine's steps
// from time to time.

import { type TensorType, TYPE_BYTES } from "./safetensors.ts";

/** Number of values to process between two pauses, about a millisecond apart. */
const VALUES_PER_TURN = 1 << 18;

/**
 * Reorders rows as llama.cpp's converter does for q and k: within each head, the two halves of the rows alternate.
 * @param rows [numRows, rowBytes], changed in place
 */
export function reorderHeads(rows: Uint8Array, numRows: number, numHeads: number): void {
  const rowBytes = rows.length / numRows;
  const headSize = numRows / numHeads;
  const half = headSize / 2;
  // A real copy: a Buffer's slice() shares its memory.
  const before = new Uint8Array(rows);
  for (let row = 0; row < numRows; row++) {
    const head = Math.floor(row / headSize);
    const inHead = row % headSize;
    const from = head * headSize + (inHead % 2) * half + Math.floor(inHead / 2);
    rows.set(before.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
}

/** @returns the values times a factor, as F32 */
export async function scaled(
  bytes: Uint8Array,
  type: TensorType,
  factor: number,
): Promise<Uint8Array> {
  const count = bytes.length / TYPE_BYTES[type];
  const values = new Float32Array(count);
  const read = READERS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) {
    if (i % VALUES_PER_TURN === VALUES_PER_TURN - 1) await turn();
    values[i] = read(view, i) * factor;
  }
  return new Uint8Array(values.buffer);
}

/** @returns the transpose of a matrix [numRows, numColumns] */
export async function transposed(
  bytes: Uint8Array,
  type: TensorType,
  [numRows, numColumns]: readonly [number, number],
): Promise<Uint8Array> {
  const size = TYPE_BYTES[type];
  const out = new Uint8Array(bytes.length);
  for (let row = 0, done = 0; row < numRows; row++) {
    for (let column = 0; column < numColumns; column++) {
      const from = (row * numColumns + column) * size;
      const to = (column * numRows + row) * size;
      for (let i = 0; i < size; i++) out[to + i] = bytes[from + i] ?? 0;
    }
    done += numColumns;
    if (done < VALUES_PER_TURN) continue;
    done = 0;
    await turn();
  }
  return out;
}

const READERS: Readonly<Record<TensorType, (view: DataView, index: number) => number>> = {
  F32: (view, i) => view.getFloat32(4 * i, true),
  F16: (view, i) => view.getFloat16(2 * i, true),
  BF16: (view, i) => {
    scratch.setUint16(2, view.getUint16(2 * i, true), true);
    return scratch.getFloat32(0, true);
  },
};

const scratch = new DataView(new ArrayBuffer(4));

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

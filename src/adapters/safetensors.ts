// The header of a safetensors file. The file is not trusted: every length and offset is checked against its size.
//
//   | u64 header length | JSON header | tensor data |
//                                     ^ offsets count from here

import type { FileHandle } from "node:fs/promises";
import { AdapterError } from "./adapter-error.ts";

export type TensorType = "F32" | "F16" | "BF16";

export const TYPE_BYTES: Readonly<Record<TensorType, number>> = { F32: 4, F16: 2, BF16: 2 };

export interface StoredTensor {
  readonly name: string;
  readonly type: TensorType;
  /** Sizes, slowest-varying dimension first. */
  readonly shape: readonly number[];
  /** Position of the data in the file. */
  readonly start: number;
  readonly numBytes: number;
}

const MAX_HEADER_BYTES = 16 * 1024 * 1024;
const MAX_TENSORS = 100_000;

/** @throws AdapterError "adapter_truncated", "adapter_format" or "adapter_unsupported" */
export async function readSafetensors(file: FileHandle): Promise<StoredTensor[]> {
  const { size } = await file.stat();
  if (size < 8) throw truncated("it has no header");
  const length = (await readBytes(file, 0, 8)).readBigUInt64LE();
  if (length > BigInt(MAX_HEADER_BYTES)) throw malformed(`its header has ${length} bytes`);
  const dataStart = 8 + Number(length);
  if (dataStart > size) throw truncated("its header is larger than the file");
  const header = parseHeader((await readBytes(file, 8, Number(length))).toString("utf8"));
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  if (entries.length > MAX_TENSORS) throw malformed(`it has ${entries.length} tensors`);
  const tensors = entries.map(([name, entry]) => tensorOf(name, entry, dataStart));
  checkPlaces(tensors, size);
  return tensors;
}

/** @throws AdapterError "adapter_truncated" */
export async function readBytes(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw truncated("it ends within its data");
    done += bytesRead;
  }
  return bytes;
}

function parseHeader(text: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw malformed("its header is not JSON");
  }
  if (isRecord(header)) return header;
  throw malformed("its header is not a JSON object");
}

function tensorOf(name: string, entry: unknown, dataStart: number): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2)
    throw malformed(`tensor ${shown(name)} has an invalid entry`);
  if (typeof dtype !== "string" || !Object.hasOwn(TYPE_BYTES, dtype)) {
    const text = `tensor ${shown(name)} has type ${shown(String(dtype))}; expected F32, F16 or BF16`;
    throw new AdapterError("adapter_unsupported", text);
  }
  const type = dtype as TensorType;
  const [begin = 0, end = 0] = offsets;
  const numBytes = shape.reduce((product, size) => product * size, TYPE_BYTES[type]);
  if (end - begin !== numBytes)
    throw malformed(`tensor ${shown(name)} needs ${numBytes} bytes, but has ${end - begin}`);
  return { name, type, shape, start: dataStart + begin, numBytes };
}

/** Checks that tensors lie within the file and do not overlap. */
function checkPlaces(tensors: readonly StoredTensor[], size: number): void {
  const inOrder = [...tensors].sort((a, b) => a.start - b.start);
  let end = 0;
  for (const { name, start, numBytes } of inOrder) {
    if (start < end) throw malformed(`tensor ${shown(name)} overlaps another tensor`);
    end = start + numBytes;
    if (end > size) throw truncated(`tensor ${shown(name)} extends past the end of the file`);
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

const MAX_SHOWN_LENGTH = 200;

/** @returns the beginning of text from a file, for error messages */
export function shown(text: string): string {
  return text.length <= MAX_SHOWN_LENGTH ? text : `${text.slice(0, MAX_SHOWN_LENGTH)}...`;
}

function truncated(reason: string): AdapterError {
  return new AdapterError("adapter_truncated", `adapter_model.safetensors is truncated: ${reason}`);
}

function malformed(reason: string): AdapterError {
  const text = `adapter_model.safetensors is not a safetensors file: ${reason}`;
  return new AdapterError("adapter_format", text);
}

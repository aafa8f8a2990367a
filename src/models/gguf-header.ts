// The header of a GGUF file, version 2 or 3, read without the addon: metadata and the list of tensors. Long
// arrays (vocabularies) are skipped. The file is not trusted: every length is checked against its size.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { ConfigError } from "../errors.ts";
import { fileFault } from "../runtime/file-fault.ts";

export type GgufScalar = number | bigint | boolean | string;
/** An array longer than MAX_ARRAY is reduced to its length. */
export type GgufValue = GgufScalar | readonly GgufScalar[] | { readonly length: number };

export interface GgufTensor {
  readonly name: string;
  /** Sizes, fastest-varying dimension first. */
  readonly shape: readonly number[];
  /** ggml's type number. */
  readonly type: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  readonly fileBytes: number;
}

/** Maximum length of arrays that are read. Per-layer settings are shorter; vocabularies are longer. */
const MAX_ARRAY = 1024;
const MAX_ENTRIES = 1 << 20;
const MAX_DIMENSIONS = 8;
const ARRAY = 9;
const STRING = 8;
const U32 = 4;

/** Start of the pointer file that a clone without Git LFS contains instead of a large file. */
const LFS_POINTER = "version https://git-lfs.github.com/spec/";

/** @throws ConfigError "model_not_found", "model_not_gguf" or "model_truncated" */
export function readGgufHeader(path: string): GgufHeader {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw cannotOpen(path, cause);
  }
  try {
    return parse(new HeaderReader(file, path));
  } catch (error) {
    throw error instanceof ConfigError ? error : cannotOpen(path, error);
  } finally {
    closeSync(file);
  }
}

function cannotOpen(path: string, cause: unknown): ConfigError {
  return new ConfigError("model_not_found", `cannot open ${path}: ${fileFault(cause)}`, { cause });
}

function parse(reader: HeaderReader): GgufHeader {
  if (reader.begins(LFS_POINTER))
    throw reader.notGguf("it is a Git LFS pointer; run `git lfs pull` to fetch the file");
  if (!reader.begins("GGUF")) throw reader.notGguf("it does not begin with GGUF");
  reader.skip("GGUF".length);
  const version = Number(reader.scalar(U32));
  if (version < 2 || version > 3) throw reader.notGguf(`version ${version} is not supported`);
  const numTensors = reader.count(MAX_ENTRIES);
  const numEntries = reader.count(MAX_ENTRIES);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < numEntries; i++) {
    const key = reader.string();
    metadata.set(key, reader.value(Number(reader.scalar(U32))));
  }
  const tensors = Array.from({ length: numTensors }, () => readTensor(reader));
  return { version, metadata, tensors, fileBytes: reader.size };
}

function readTensor(reader: HeaderReader): GgufTensor {
  const name = reader.string();
  const numDimensions = Number(reader.scalar(U32));
  if (numDimensions > MAX_DIMENSIONS) throw reader.notGguf(`tensor ${name} is malformed`);
  const shape = Array.from({ length: numDimensions }, () => reader.count(Number.MAX_SAFE_INTEGER));
  const type = Number(reader.scalar(U32));
  reader.skip(8);
  return { name, shape, type };
}

/** Reads the file through a sliding window. */
class HeaderReader {
  readonly size: number;
  readonly #file: number;
  readonly #path: string;
  #window = Buffer.alloc(1 << 20);
  #start = 0;
  #end = 0;
  #at = 0;

  constructor(file: number, path: string) {
    this.#file = file;
    this.#path = path;
    this.size = fstatSync(file).size;
  }

  notGguf(reason: string): ConfigError {
    return new ConfigError("model_not_gguf", `${this.#path} is not a GGUF file: ${reason}`);
  }

  /** @returns whether the file begins with ASCII text */
  begins(text: string): boolean {
    const bytes = Buffer.alloc(text.length);
    readSync(this.#file, bytes, 0, bytes.length, 0);
    return bytes.toString("latin1") === text;
  }

  skip(bytes: number): void {
    if (this.#at + bytes > this.size) {
      throw new ConfigError(
        "model_truncated",
        `${this.#path} is truncated: it ends within its header`,
      );
    }
    this.#at += bytes;
  }

  /** @returns a view that is valid until the next call */
  #take(bytes: number): Buffer {
    const at = this.#at;
    this.skip(bytes);
    if (at < this.#start || at + bytes > this.#end) this.#load(at, bytes);
    return this.#window.subarray(at - this.#start, at - this.#start + bytes);
  }

  #load(at: number, bytes: number): void {
    if (bytes > this.#window.length) this.#window = Buffer.alloc(bytes);
    this.#start = at;
    this.#end = at + readSync(this.#file, this.#window, 0, this.#window.length, at);
  }

  text(bytes: number): string {
    return this.#take(bytes).toString("utf8");
  }

  string(): string {
    return this.text(this.count(this.size));
  }

  /** Reads a 64-bit length. */
  count(max: number): number {
    const count = this.#take(8).readBigUInt64LE();
    if (count > BigInt(max)) throw this.notGguf(`invalid length ${count}`);
    return Number(count);
  }

  value(type: number): GgufValue {
    if (type !== ARRAY) return this.scalar(type);
    const element = Number(this.scalar(U32));
    const length = this.count(this.size);
    if (length <= MAX_ARRAY) return Array.from({ length }, () => this.scalar(element));
    const bytes = SCALAR_BYTES[element];
    if (bytes !== undefined) this.skip(bytes * length);
    else for (let i = 0; i < length; i++) this.#skipString(element);
    return { length };
  }

  #skipString(element: number): void {
    if (element !== STRING) throw this.notGguf(`invalid array type ${element}`);
    this.skip(this.count(this.size));
  }

  scalar(type: number): GgufScalar {
    if (type === STRING) return this.string();
    const bytes = SCALAR_BYTES[type];
    const read = SCALARS[type];
    if (bytes === undefined || read === undefined) throw this.notGguf(`invalid value type ${type}`);
    return read(this.#take(bytes));
  }
}

/** Sizes and readers by GGUF's type number, except for strings and arrays. */
const SCALAR_BYTES: readonly (number | undefined)[] = [
  ...[1, 1, 2, 2, 4, 4, 4, 1],
  ...[undefined, undefined],
  ...[8, 8, 8],
];
const SCALARS: readonly (((bytes: Buffer) => GgufScalar) | undefined)[] = [
  (bytes) => bytes.readUInt8(),
  (bytes) => bytes.readInt8(),
  (bytes) => bytes.readUInt16LE(),
  (bytes) => bytes.readInt16LE(),
  (bytes) => bytes.readUInt32LE(),
  (bytes) => bytes.readInt32LE(),
  (bytes) => bytes.readFloatLE(),
  (bytes) => bytes.readUInt8() !== 0,
  undefined,
  undefined,
  (bytes) => bytes.readBigUInt64LE(),
  (bytes) => bytes.readBigInt64LE(),
  (bytes) => bytes.readDoubleLE(),
];

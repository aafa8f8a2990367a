// Writes the subset of GGUF version 3 that tests need: scalar and array metadata, and tensors in
// F32, F16, BF16, and Q8_0. The format is what ggml's gguf.cpp reads: little endian, tensor data aligned to 32.

/** One metadata value with its GGUF type. */
export type GgufValue =
  | readonly ["u16", number]
  | readonly ["u32", number]
  | readonly ["i32", number]
  | readonly ["f32", number]
  | readonly ["bool", boolean]
  | readonly ["string", string]
  | readonly ["string[]", readonly string[]]
  | readonly ["f32[]", readonly number[]]
  | readonly ["i32[]", readonly number[]]
  | readonly ["u32[]", readonly number[]]
  | readonly ["bool[]", readonly boolean[]];

export type TensorType = "F32" | "F16" | "BF16" | "Q8_0";

export interface GgufTensor {
  readonly name: string;
  /** Dimensions, fastest first as in ggml: a matrix that maps n_in to n_out is [n_in, n_out]. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  /** float32 [product of shape], converted to `type` when written. Q8_0 requires shape[0] % 32 == 0. */
  readonly values: Float32Array;
}

const ALIGNMENT = 32;
const Q8_BLOCK = 32;
const VALUE_TYPE = { u16: 2, i32: 5, u32: 4, f32: 6, bool: 7, string: 8, array: 9 } as const;
const TENSOR_TYPE: Record<TensorType, number> = { F32: 0, F16: 1, Q8_0: 8, BF16: 30 };

/** @returns the bytes of a complete file */
export function encodeGguf(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): Uint8Array {
  const file = new ByteWriter();
  file.bytes(new TextEncoder().encode("GGUF"));
  file.u32(3);
  file.u64(tensors.length);
  file.u64(metadata.size);
  for (const [key, value] of metadata) {
    file.string(key);
    writeValue(file, value);
  }
  const encoded = tensors.map((tensor) => ({ tensor, data: encodeTensor(tensor) }));
  let offset = 0;
  for (const { tensor, data } of encoded) {
    file.string(tensor.name);
    file.u32(tensor.shape.length);
    for (const size of tensor.shape) file.u64(size);
    file.u32(TENSOR_TYPE[tensor.type]);
    file.u64(offset);
    offset += Math.ceil(data.length / ALIGNMENT) * ALIGNMENT;
  }
  file.pad(ALIGNMENT);
  for (const { data } of encoded) {
    file.bytes(data);
    file.pad(ALIGNMENT);
  }
  return file.finish();
}

function writeValue(file: ByteWriter, value: GgufValue): void {
  const [type, content] = value;
  if (typeof content !== "object") {
    file.u32(VALUE_TYPE[type as "u16" | "u32" | "i32" | "f32" | "bool" | "string"]);
    writeElement(file, type, content);
    return;
  }
  const element = type.slice(0, -2) as "f32" | "i32" | "u32" | "bool" | "string";
  file.u32(VALUE_TYPE.array);
  file.u32(VALUE_TYPE[element]);
  file.u64(content.length);
  for (const item of content) writeElement(file, element, item);
}

function writeElement(file: ByteWriter, type: string, value: string | number | boolean): void {
  if (typeof value === "string") file.string(value);
  else if (typeof value === "boolean") file.bytes(Uint8Array.of(Number(value)));
  else if (type === "f32") file.bytes(new Uint8Array(Float32Array.of(value).buffer));
  else if (type === "u16") file.bytes(new Uint8Array(Uint16Array.of(value).buffer));
  else file.u32(value >>> 0);
}

export function encodeTensor(tensor: GgufTensor): Uint8Array {
  const { values, type } = tensor;
  if (type === "F32") return new Uint8Array(values.slice().buffer);
  if (type === "F16") return new Uint8Array(Float16Array.from(values).buffer);
  return type === "BF16" ? encodeBf16(values) : encodeQ8(values);
}

/** Encodes the upper halves of float32 values, which are truncated instead of rounded. */
function encodeBf16(values: Float32Array): Uint8Array {
  const halves = new Uint16Array(values.slice().buffer).filter((_, i) => i % 2 === 1);
  return new Uint8Array(halves.buffer);
}

/** Encodes blocks of one float16 scale and 32 int8 values. A NaN in a block makes its scale NaN. */
function encodeQ8(values: Float32Array): Uint8Array {
  const numBlocks = values.length / Q8_BLOCK;
  const out = new DataView(new ArrayBuffer(numBlocks * (2 + Q8_BLOCK)));
  for (let block = 0; block < numBlocks; block++) {
    const part = values.subarray(block * Q8_BLOCK, (block + 1) * Q8_BLOCK);
    const scale = part.reduce((max, x) => Math.max(max, Math.abs(x)), 0) / 127;
    const start = block * (2 + Q8_BLOCK);
    out.setFloat16(start, scale, true);
    part.forEach((x, i) => {
      out.setInt8(start + 2 + i, scale === 0 ? 0 : Math.round(x / scale));
    });
  }
  return new Uint8Array(out.buffer);
}

/** A growing little-endian buffer. */
class ByteWriter {
  #buffer = new Uint8Array(1 << 16);
  #size = 0;

  bytes(source: Uint8Array): void {
    while (this.#size + source.length > this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer.set(source, this.#size);
    this.#size += source.length;
  }

  u32(value: number): void {
    this.bytes(new Uint8Array(Uint32Array.of(value).buffer));
  }

  u64(value: number): void {
    this.bytes(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  string(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.u64(encoded.length);
    this.bytes(encoded);
  }

  pad(alignment: number): void {
    this.bytes(new Uint8Array((alignment - (this.#size % alignment)) % alignment));
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#size);
  }
}

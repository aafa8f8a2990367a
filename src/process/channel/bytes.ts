// Writes and reads a message's parts: little-endian numbers, strings and arrays. Reading past the end throws
// a ChannelError.

/** An error for data that violates the protocol, which means that the other side is broken. */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
}

const INITIAL_BYTES = 16 * 1024;
/** Maximum size of a buffer to keep. If a large message has made the buffer larger than this, the buffer is freed. */
const KEPT_BYTES = 1024 * 1024;
/** Maximum number of UTF-8 bytes per UTF-16 code unit. */
const BYTES_PER_UNIT = 3;

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #view = viewOf(this.#bytes);
  #length = 0;

  u8(value: number): void {
    // This is a separate statement because #reserve() can replace the view.
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  i32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value, true);
  }

  /** Writes text as UTF-8, replacing lone surrogates with U+FFFD. */
  text(text: string): void {
    const at = this.#reserve(4 + text.length * BYTES_PER_UNIT);
    const numBytes = this.#bytes.write(text, at + 4, "utf8");
    this.#view.setUint32(at, numBytes, true);
    this.#length = at + 4 + numBytes;
  }

  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length);
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Writes int32 values and their count. */
  ints(values: Int32Array | readonly number[]): void {
    this.u32(values.length);
    const at = this.#reserve(values.length * 4);
    for (let i = 0; i < values.length; i++) this.#view.setInt32(at + i * 4, values[i] ?? 0, true);
  }

  /** Writes float64 values and their count. */
  floats(values: readonly number[]): void {
    this.u32(values.length);
    const at = this.#reserve(values.length * 8);
    for (let i = 0; i < values.length; i++) this.#view.setFloat64(at + i * 8, values[i] ?? 0, true);
  }

  /** @returns a copy of the bytes written since the last take */
  take(): Uint8Array {
    const taken = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length);
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#resize(INITIAL_BYTES);
    return taken;
  }

  /** Discards the bytes written since the last take, for example after an error. */
  clear(): void {
    this.#length = 0;
  }

  #reserve(numBytes: number): number {
    const at = this.#length;
    const end = at + numBytes;
    if (end > this.#bytes.length) this.#resize(Math.max(end, this.#bytes.length * 2));
    this.#length = end;
    return at;
  }

  #resize(numBytes: number): void {
    const larger = Buffer.allocUnsafe(numBytes);
    larger.set(this.#bytes.subarray(0, Math.min(this.#length, numBytes)));
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  /** @param bytes not retained: values are copied as they are read */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = viewOf(bytes);
  }

  u8(): number {
    const at = this.#take(1);
    return this.#view.getUint8(at);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at, true);
  }

  i32(): number {
    const at = this.#take(4);
    return this.#view.getInt32(at, true);
  }

  f64(): number {
    const at = this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  text(): string {
    const numBytes = this.u32();
    const at = this.#take(numBytes);
    return this.#bytes.toString("utf8", at, at + numBytes);
  }

  bytes(): Uint8Array {
    const numBytes = this.u32();
    const at = this.#take(numBytes);
    return Uint8Array.prototype.slice.call(this.#bytes, at, at + numBytes);
  }

  ints(): Int32Array {
    const length = this.u32();
    const at = this.#take(length * 4);
    const values = new Int32Array(length);
    for (let i = 0; i < length; i++) values[i] = this.#view.getInt32(at + i * 4, true);
    return values;
  }

  floats(): number[] {
    const length = this.u32();
    const at = this.#take(length * 8);
    return Array.from({ length }, (_, i) => this.#view.getFloat64(at + i * 8, true));
  }

  /** @throws ChannelError if there are unread bytes */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new ChannelError("a message has too many bytes");
  }

  /** Reads a count. @param itemBytes minimum size of an item @throws ChannelError if too few bytes follow */
  count(itemBytes: number): number {
    const count = this.u32();
    if (count * itemBytes > this.#bytes.length - this.#at) {
      throw new ChannelError("a message has too few bytes");
    }
    return count;
  }

  #take(numBytes: number): number {
    const at = this.#at;
    if (numBytes > this.#bytes.length - at) throw new ChannelError("a message has too few bytes");
    this.#at = at + numBytes;
    return at;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

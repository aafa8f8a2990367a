// The only place where a block hash is computed: SHA-256 over canonical CBOR of
// [parent hash, token ids, extra keys], the same as vLLM's sha256_cbor algorithm, so that hashes agree across
// implementations. Canonical CBOR: RFC 8949 section 4.2, shortest integers, definite lengths.

import { hash } from "node:crypto";

/** Differences between blocks besides their tokens. Order on the wire: LoRA, media, salt. */
export interface ExtraKeys {
  readonly loraName?: string;
  /** [hash, offset of the item in the block] of each media item that overlaps the block. */
  readonly media?: readonly (readonly [string, number])[];
  /** Part of the first block only. */
  readonly cacheSalt?: string;
}

const NO_KEYS: ExtraKeys = {};

/** Growing byte buffer that writes the few CBOR forms that a block needs. */
class CborWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  reset(): void {
    this.#length = 0;
  }

  null(): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = 0xf6;
  }

  bytes(value: Uint8Array): void {
    this.#head(0x40, value.length);
    this.#append(value);
  }

  text(value: string): void {
    const utf8 = new TextEncoder().encode(value);
    this.#head(0x60, utf8.length);
    this.#append(utf8);
  }

  array(length: number): void {
    this.#head(0x80, length);
  }

  /** 0 <= value < 2^32 */
  integer(value: number): void {
    this.#head(0x00, value);
  }

  #head(major: number, value: number): void {
    this.#reserve(5);
    const bytes = this.#bytes;
    if (value < 24) {
      bytes[this.#length++] = major | value;
    } else if (value < 0x100) {
      bytes[this.#length++] = major | 24;
      bytes[this.#length++] = value;
    } else if (value < 0x10000) {
      bytes[this.#length++] = major | 25;
      bytes[this.#length++] = value >>> 8;
      bytes[this.#length++] = value;
    } else {
      bytes[this.#length++] = major | 26;
      bytes[this.#length++] = value >>> 24;
      bytes[this.#length++] = value >>> 16;
      bytes[this.#length++] = value >>> 8;
      bytes[this.#length++] = value;
    }
  }

  #append(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * (this.#length + count));
    grown.set(this.written);
    this.#bytes = grown;
  }
}

const writer = new CborWriter();

/**
 * Root of every chain.
 * @param seed text of PYTHONHASHSEED: the same seed gives the same hashes in every process. If it
 * is null, the caller must draw 32 random bytes instead.
 */
export function noneHash(seed: string): Uint8Array {
  writer.reset();
  writer.text(seed);
  return sha256(writer.written);
}

/**
 * Hash of one full block.
 * @param parent hash of the block before, or the root
 * @param tokenIds [blockSize] int32, all >= 0
 * @returns 32 bytes
 */
export function blockHash(
  parent: Uint8Array,
  tokenIds: Int32Array,
  extraKeys: ExtraKeys = NO_KEYS,
): Uint8Array {
  writer.reset();
  writer.array(3);
  writer.bytes(parent);
  writer.array(tokenIds.length);
  for (const tokenId of tokenIds) writer.integer(tokenId);
  writeExtraKeys(extraKeys);
  return sha256(writer.written);
}

function writeExtraKeys({ loraName, media = [], cacheSalt }: ExtraKeys): void {
  const count = (loraName === undefined ? 0 : 1) + media.length + (cacheSalt === undefined ? 0 : 1);
  if (count === 0) {
    writer.null();
    return;
  }
  writer.array(count);
  if (loraName !== undefined) writer.text(loraName);
  for (const [hash, offset] of media) {
    writer.array(2);
    writer.text(hash);
    writer.integer(offset);
  }
  if (cacheSalt !== undefined) writer.text(cacheSalt);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}

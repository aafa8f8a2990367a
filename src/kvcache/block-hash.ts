// The only place where a block hash is computed: SHA-256 over canonical CBOR of
// [parent hash, token ids, extra keys], the same as vLLM's sha256_cbor algorithm, so that hashes agree across
// implementations. Canonical CBOR: RFC 8949 section 4.2, shortest integers, definite lengths.

import { hash } from "node:crypto";

/**
 * A difference between blocks besides their tokens: text, or the hash of a media item with its offset in the
 * block. vLLM's order is the LoRA's name, media items, the salt of the first block.
 */
export type ExtraKey = string | readonly [string, number];

const NO_KEYS: readonly ExtraKey[] = [];

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
  extraKeys: readonly ExtraKey[] = NO_KEYS,
): Uint8Array {
  writer.reset();
  writer.array(3);
  writer.bytes(parent);
  writer.array(tokenIds.length);
  for (const tokenId of tokenIds) writer.integer(tokenId);
  writeExtraKeys(extraKeys);
  return sha256(writer.written);
}

function writeExtraKeys(keys: readonly ExtraKey[]): void {
  if (keys.length === 0) {
    writer.null();
    return;
  }
  writer.array(keys.length);
  for (const key of keys) {
    if (typeof key === "string") writer.text(key);
    else writeMediaKey(key);
  }
}

function writeMediaKey([hash, offset]: readonly [string, number]): void {
  writer.array(2);
  writer.text(hash);
  writer.integer(offset);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}

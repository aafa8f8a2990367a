// The only place where block hashes are computed: SHA-256 of the canonical CBOR encoding of [parent hash, token IDs,
// extra keys], as in vLLM's sha256_cbor algorithm, so hashes agree across implementations. Canonical CBOR (RFC 8949,
// section 4.2) uses the shortest integers and definite lengths.

import { hash } from "node:crypto";

/**
 * A key that distinguishes blocks with the same tokens: a string, or a media item's hash with its offset in the block.
 * As in vLLM, the LoRA's name (`AdapterRef.key`) comes first, then media items, and then the first block's salt.
 */
export type ExtraKey = string | readonly [string, number];

const NO_KEYS: readonly ExtraKey[] = [];

/** A growing byte buffer that encodes the few CBOR types that a block needs. */
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
 * Computes the root of every chain.
 * @param seed text, like PYTHONHASHSEED; the same seed yields the same hashes in every process. Without a seed, the
 * caller must use 32 random bytes as the root instead.
 */
export function noneHash(seed: string): Uint8Array {
  writer.reset();
  writer.text(seed);
  return sha256(writer.written);
}

/**
 * Computes a full block's hash.
 * @param parent hash of the previous block, or the root
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

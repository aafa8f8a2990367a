// Block hashes, checked against vectors computed by Python's cbor2 and hashlib with vLLM's algorithm.

import { describe, expect, test } from "bun:test";
import { blockHash, noneHash } from "../../src/kvcache/block-hash.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const tokens = (start: number) => Int32Array.from({ length: 16 }, (_, i) => start + i);

describe("block hash", () => {
  const root = noneHash("0");
  const first = blockHash(root, tokens(0));

  test("starts a chain with the hash of the seed string", () => {
    expect(hex(root)).toBe("4e1195df020de59e0d65a33a4279f1183e7ae4e5d980e309f8b55adff2e61c3e");
  });

  test("chains blocks of tokens 0, 1, 2, ...", () => {
    expect(hex(first)).toBe("d830de3d42c00f25a2949b5d12d98642664a44872c1614c5b0147556276afc9c");
    const second = blockHash(first, tokens(16));
    expect(hex(second)).toBe("fedd9e4abebebbe6f6cf96b682f08d316063fe2f22a5c552192dd62904fcccac");
    expect(Buffer.from(second).readBigUInt64BE(24)).toBe(1814341696565857452n);
  });

  test("includes a LoRA name as an extra key", () => {
    const hash = blockHash(root, tokens(0), ["my-lora"]);
    expect(hex(hash)).toBe("8b4227ad680a61cde1060f9e82d7d2994ea655458dd28e17c756e32d62e77a73");
  });

  test("includes text, media items, or both as extra keys, in a given order", () => {
    const media: [string, number][] = [
      ["image-é", 3],
      ["audio", 300],
    ];
    const hashes = [
      blockHash(root, tokens(0), ["my-lora", ...media, "tenant"]),
      blockHash(root, tokens(0), media.slice(0, 1)),
      blockHash(root, tokens(0), ["tenant"]),
    ];
    expect(hashes.map(hex)).toEqual([
      "a5ab463e6a5bb90eed60ccf7afe4748fe41667eb1d5ff57b2be6697c670da8a0",
      "f5af03cba788b898ab46c3b60ae9c85fde2bc6d27929d9a99a5e062460470518",
      "3c4ab98b6f2a1dd90099ef439a6579c5aec0c1498fe57bb42ce9f8eb4b3ae629",
    ]);
  });

  test("encodes integers in the shortest form, on both sides of each size boundary", () => {
    const borders = Int32Array.of(23, 24, 255, 256, 65_535, 65_536, 151_935, 2_147_483_647);
    expect(hex(blockHash(root, borders))).toBe(
      "f032f64264fc88a5695562c976f86596727f57c4aa09a6a2001916e08445e7a2",
    );
  });

  test("hashes a block larger than the encoder's initial buffer", () => {
    const large = Int32Array.from({ length: 300 }, (_, i) => i);
    expect(hex(blockHash(root, large))).toBe(
      "b103048526911cb39d61a2cc872beef9948aebada3e244ac7c8ffffaaeda3fe2",
    );
    const huge = new Int32Array(4096).fill(70_000);
    expect(hex(blockHash(root, huge))).toBe(
      "7cb26838647b321a13c0c54fef475c8a9779d081cafe5576e1ba5897d1ec3a22",
    );
  });

  test("depends on the salt, the seed, and each token", () => {
    const others = [
      blockHash(root, tokens(0), ["tenant"]),
      blockHash(noneHash("1"), tokens(0)),
      blockHash(root, tokens(1)),
      blockHash(root, tokens(70_000)),
    ];
    expect(new Set([first, ...others].map(hex)).size).toBe(5);
  });
});

// Block hashes against the vectors that Python's cbor2 and hashlib give for vLLM's algorithm.

import { describe, expect, test } from "bun:test";
import { blockHash, noneHash } from "../../src/kvcache/block-hash.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const tokens = (start: number) => Int32Array.from({ length: 16 }, (_, i) => start + i);

describe("block hash", () => {
  const root = noneHash("0");
  const first = blockHash(root, tokens(0));

  test("the root is the hash of the seed's text", () => {
    expect(hex(root)).toBe("4e1195df020de59e0d65a33a4279f1183e7ae4e5d980e309f8b55adff2e61c3e");
  });

  test("chains blocks of tokens 0, 1, 2, ...", () => {
    expect(hex(first)).toBe("d830de3d42c00f25a2949b5d12d98642664a44872c1614c5b0147556276afc9c");
    const second = blockHash(first, tokens(16));
    expect(hex(second)).toBe("fedd9e4abebebbe6f6cf96b682f08d316063fe2f22a5c552192dd62904fcccac");
    expect(Buffer.from(second).readBigUInt64BE(24)).toBe(1814341696565857452n);
  });

  test("a LoRA name is an extra key", () => {
    const hash = blockHash(root, tokens(0), { loraName: "my-lora" });
    expect(hex(hash)).toBe("8b4227ad680a61cde1060f9e82d7d2994ea655458dd28e17c756e32d62e77a73");
  });

  test("a salt, another seed or another token each give another hash", () => {
    const others = [
      blockHash(root, tokens(0), { cacheSalt: "tenant" }),
      blockHash(noneHash("1"), tokens(0)),
      blockHash(root, tokens(1)),
      blockHash(root, tokens(70_000)),
    ];
    expect(new Set([first, ...others].map(hex)).size).toBe(5);
  });
});

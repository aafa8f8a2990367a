// Checks the written bytes; test/native/tiny-gguf.test.ts checks that llama.cpp loads them.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeGguf } from "./gguf-writer.ts";
import { type TinyGgufOptions, writeTinyGguf } from "./tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-gguf-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bytesOf(options: TinyGgufOptions): Uint8Array {
  const path = join(folder, "tiny.gguf");
  writeTinyGguf(path, options);
  return readFileSync(path);
}

describe("encodeGguf", () => {
  test("writes magic, version, counts, metadata, tensor table, and aligned data", () => {
    const values = Float32Array.of(1, -2);
    const file = encodeGguf(new Map([["k", ["u32", 7]]]), [
      { name: "t", shape: [2], type: "F32", values },
    ]);
    const view = new DataView(file.buffer, file.byteOffset);
    expect(new TextDecoder().decode(file.subarray(0, 4))).toBe("GGUF");
    expect(view.getUint32(4, true)).toBe(3);
    expect(view.getBigUint64(8, true)).toBe(1n); // tensors
    expect(view.getBigUint64(16, true)).toBe(1n); // metadata entries
    expect(view.getBigUint64(24, true)).toBe(1n); // length of "k"
    expect(file[32]).toBe("k".charCodeAt(0));
    expect(view.getUint32(33, true)).toBe(4); // u32
    expect(view.getUint32(37, true)).toBe(7);
    // Name, dimensions, type, and offset of the tensor end at 74, so the data starts at 96.
    expect(view.getFloat32(96, true)).toBe(1);
    expect(view.getFloat32(100, true)).toBe(-2);
    expect(file.length).toBe(128);
  });

  test("rounds Q8_0 values to 1/127 of the block's largest value", () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? -12.7 : i / 10));
    const file = encodeGguf(new Map(), [{ name: "t", shape: [32], type: "Q8_0", values }]);
    const data = new DataView(file.buffer, file.byteOffset + file.length - 64);
    expect(data.getFloat16(0, true)).toBeCloseTo(0.1, 4);
    expect(data.getInt8(2)).toBe(-127);
    expect(data.getInt8(3)).toBe(1);
    expect(data.getInt8(33)).toBe(31);
  });
});

describe("writeTinyGguf", () => {
  test("yields the same bytes for the same options, and different bytes for a different seed", () => {
    expect(bytesOf({ seed: 5 })).toEqual(bytesOf({ seed: 5 }));
    expect(bytesOf({ seed: 5 })).not.toEqual(bytesOf({ seed: 6 }));
  });

  test("returns each tokenizer's special token IDs", () => {
    const path = join(folder, "ids.gguf");
    const spm = { size: 298, bosId: 1, eosId: 2, imStartId: 295, imEndId: 296 };
    const bpe = { size: 269, bosId: 264, eosId: 265, imStartId: 266, imEndId: 267 };
    expect(writeTinyGguf(path, { tokenizer: "spm" })).toMatchObject(spm);
    expect(writeTinyGguf(path, { tokenizer: "bpe" })).toMatchObject(bpe);
  });

  test("damages a file as requested", () => {
    const whole = bytesOf({});
    expect(bytesOf({ fault: "truncated" })).toEqual(whole.subarray(0, whole.length * 0.6));
    expect(new TextDecoder().decode(bytesOf({ fault: "wrong-magic" }).subarray(0, 4))).toBe("GGML");
    expect(bytesOf({ nanTokenId: 9 })).not.toEqual(whole);
    expect(bytesOf({ nanTokenId: 9 }).length).toBe(whole.length);
  });
});

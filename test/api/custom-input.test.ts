// A custom tool's input, read from arguments that arrive in pieces.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CustomInput } from "../../src/api/custom-input.ts";

function read(chunks: readonly string[]) {
  const input = new CustomInput();
  const deltas = [...chunks.map((chunk) => input.add(chunk)), input.end()];
  expect(deltas.join("")).toBe(input.text);
  return { text: input.text, deltas: deltas.filter((delta) => delta !== "") };
}

/** @returns pieces of one or more characters */
function split(text: string, sizes: readonly number[]): string[] {
  const chunks: string[] = [];
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = 1 + (sizes[i % sizes.length] ?? 0);
    chunks.push(text.slice(at, at + size));
    at += size;
  }
  return chunks;
}

describe("CustomInput", () => {
  test("yields the string as it arrives", () => {
    const { deltas } = read(['{"input": "*** Beg', "in Patch\\n*** End Patch\\", 'n"}']);
    expect(deltas).toEqual(["*** Beg", "in Patch\n*** End Patch", "\n"]);
  });

  test("reads any string in any pieces, without splitting characters", () => {
    const sizes = fc.array(fc.nat(5), { minLength: 1 });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), sizes, (text, escapes, cuts) => {
        const json = JSON.stringify({ input: text });
        const escaped = json.replaceAll(/[^ -~]/g, (unit) =>
          [...unit]
            .flatMap((char) => char.split(""))
            .map((half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`)
            .join(""),
        );
        const { text: found, deltas } = read(split(escapes ? escaped : json, cuts));
        expect(found).toBe(text);
        if (escapes) expect(deltas.every((delta) => delta.isWellFormed())).toBe(true);
      }),
    );
  });

  test("ignores other members after the input", () => {
    expect(read(['{"input":"a","note":"b"}']).text).toBe("a");
  });

  test("uses the only string in an object without an input, or otherwise the whole text", () => {
    expect(read(['{"patch": "a', 'b"}']).text).toBe("ab");
    expect(read(['{"a": 1, "b": "c"}']).text).toBe('{"a": 1, "b": "c"}');
    const raw = `*** Begin Patch ${"x".repeat(100)}`;
    expect(read(split(raw, [6])).text).toBe(raw);
    expect(read([]).text).toBe("");
  });

  test("keeps the part read before a string is cut off", () => {
    expect(read(['{"input": "ab\\']).text).toBe("ab");
    expect(read(['{"input": "ab\\u00', ""]).text).toBe("ab");
  });
});

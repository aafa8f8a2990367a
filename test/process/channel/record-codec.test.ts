// Plain records pass through the channel unchanged; arbitrary invalid bytes are rejected.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RequestError } from "../../../src/errors.ts";
import { ByteReader, ByteWriter, ChannelError } from "../../../src/process/channel/bytes.ts";
import { readRecord, writeRecord } from "../../../src/process/channel/record-codec.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../../src/request/sampling-params.ts";

function bytesOf(value: unknown): Uint8Array {
  const writer = new ByteWriter();
  writeRecord(writer, value);
  return writer.take();
}

function read(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes);
  const value = readRecord(reader);
  reader.end();
  return value;
}

const sent = (value: unknown) => read(bytesOf(value));

const text = fc.string({ unit: "grapheme" });
const { record } = fc.letrec<{ record: unknown }>((tie) => ({
  record: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.bigInt(),
    text,
    fc.uint8Array(),
    fc.int32Array(),
    fc.array(tie("record")),
    fc.dictionary(text, tie("record")),
  ),
}));

describe("a record", () => {
  test("arrives unchanged", () => {
    fc.assert(
      fc.property(record, (value) => {
        expect(sent(value)).toEqual(value as never);
      }),
    );
  });

  test("keeps values that JSON would lose", () => {
    const value = {
      ...{ ids: Int32Array.of(1, -2), seed: 2n ** 64n - 1n, nothing: null, minusZero: -0 },
      ...{ bytes: Uint8Array.of(0, 255), infinite: Number.NEGATIVE_INFINITY, bom: "\uFEFFx" },
    };
    expect(sent(value)).toEqual(value);
    expect(sent(Number.NaN)).toBeNaN();
  });

  test("arrives intact no matter where the buffer has to grow", () => {
    const values = [null, true, 7, 0.5, 3n, "text", Int32Array.of(1), Uint8Array.of(2), [], {}];
    for (const value of values) {
      for (let length = 16_300; length < 16_400; length++) {
        const message = [new Uint8Array(length), value];
        expect(sent(message)).toEqual(message);
      }
    }
  });

  test("keeps its property names, both common and uncommon", () => {
    const value = { ...DEFAULT_SAMPLING_PARAMS, requestIds: ["a"], another: { topP: 1, "": 2 } };
    expect(sent(value)).toEqual(value);
    expect(Object.keys(sent(value) as object)).toEqual(Object.keys(value));
  });

  test("omits undefined properties, like JSON", () => {
    expect(sent({ a: 1, b: undefined })).toStrictEqual({ a: 1 });
  });

  test("can have a key named __proto__", () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');
    const arrived = sent(value) as object;
    expect(Object.entries(arrived)).toEqual(Object.entries(value));
    expect(Object.getPrototypeOf(arrived)).toBe(Object.prototype);
    expect("polluted" in arrived).toBe(false);
  });

  test("is rejected before it is sent if it is nested too deeply", () => {
    const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);
    expect(sent(nested(128))).toEqual(nested(128));
    expect(() => sent(nested(129))).toThrow(RequestError);
    expect(() => sent(() => 0)).toThrow(TypeError);
  });
});

describe("bytes that are not a record", () => {
  test("are rejected if truncated at any position", () => {
    const bytes = bytesOf({ a: [1, 2.5, "text", 3n, Int32Array.of(1), Uint8Array.of(2)] });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => read(bytes.subarray(0, length))).toThrow(ChannelError);
    }
    expect(() => read(Uint8Array.of(...bytes, 0))).toThrow("too many bytes");
  });

  test("are rejected if they refer to a name that is not in the table", () => {
    expect(() => read(Uint8Array.of(10, 1, 0, 0, 0, 255, 0))).toThrow(
      "a name with unknown index 255",
    );
  });

  test("cause no error other than a ChannelError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ChannelError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("cannot cause an allocation larger than their length", () => {
    const manyItems = Uint8Array.of(9, 255, 255, 255, 255, 0);
    const longText = Uint8Array.of(6, 255, 255, 255, 255, 0);
    const manyInts = Uint8Array.of(8, 255, 255, 255, 255, 0);
    for (const bytes of [manyItems, longText, manyInts]) {
      expect(() => read(bytes)).toThrow("too few bytes");
    }
  });
});

// Encodes any plain value: null, booleans, numbers, bigints, strings, Int32Array, Uint8Array, and arrays and objects of
// such values. Undefined properties are omitted, as in JSON. Used for all messages except a step's outputs.

import { RequestError } from "../../errors.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../request/sampling-params.ts";
import { type ByteReader, type ByteWriter, ChannelError } from "./bytes.ts";

/** Limits recursion on both sides, since clients send nested values (chat messages, template variables). */
const MAX_DEPTH = 128;

const NULL = 0;
const FALSE = 1;
const TRUE = 2;
const INTEGER = 3;
const FLOAT = 4;
const BIGINT = 5;
const TEXT = 6;
const BYTES = 7;
const INTS = 8;
const ARRAY = 9;
const OBJECT = 10;

/**
 * Names that occur in every request. A name is sent as its 1-based index in this list, because decoding strings is the
 * largest cost; index 0 means that the name follows. Both sides are the same version of the same program.
 */
const KNOWN_NAMES: readonly string[] = [
  ...["type", "id", "name", "args", "value", "requestIds", "prompt", "text", "addSpecial", "chat"],
  ...["samplingParams", "mustFit", "priority", "cacheSalt", "json", "externalId"],
  ...["addGenerationPrompt", "continueFinalMessage", "chatTemplate"],
  ...Object.keys(DEFAULT_SAMPLING_PARAMS),
];
const PLACES: ReadonlyMap<string, number> = new Map(KNOWN_NAMES.map((name, i) => [name, i + 1]));

/** @throws RequestError "invalid_value" for a value nested too deeply; TypeError for an unsupported type */
export function writeRecord(writer: ByteWriter, value: unknown, depth = 0): void {
  if (depth > MAX_DEPTH) {
    throw new RequestError("invalid_value", `values are nested deeper than ${MAX_DEPTH} levels.`);
  }
  if (value === null) writer.u8(NULL);
  else if (typeof value === "string") writeTagged(writer, TEXT, value);
  else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "boolean") writer.u8(value ? TRUE : FALSE);
  else if (typeof value === "bigint") writeTagged(writer, BIGINT, String(value));
  else if (typeof value === "object") writeObject(writer, value, depth);
  else throw new TypeError(`${typeof value} cannot be sent`);
}

function writeTagged(writer: ByteWriter, tag: number, text: string): void {
  writer.u8(tag);
  writer.text(text);
}

function writeNumber(writer: ByteWriter, value: number): void {
  // -0 is not an int32, and Object.is() distinguishes it from 0.
  if (Object.is(value | 0, value)) {
    writer.u8(INTEGER);
    writer.i32(value);
  } else {
    writer.u8(FLOAT);
    writer.f64(value);
  }
}

function writeObject(writer: ByteWriter, value: object, depth: number): void {
  if (value instanceof Int32Array) {
    writer.u8(INTS);
    writer.ints(value);
  } else if (value instanceof Uint8Array) {
    writer.u8(BYTES);
    writer.bytes(value);
  } else if (Array.isArray(value)) {
    writer.u8(ARRAY);
    writer.u32(value.length);
    for (const item of value) writeRecord(writer, item ?? null, depth + 1);
  } else {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    writer.u8(OBJECT);
    writer.u32(entries.length);
    for (const [key, item] of entries) {
      const place = PLACES.get(key) ?? 0;
      writer.u8(place);
      if (place === 0) writer.text(key);
      writeRecord(writer, item, depth + 1);
    }
  }
}

/** @throws ChannelError */
export function readRecord(reader: ByteReader, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new ChannelError("a message is nested too deeply");
  const tag = reader.u8();
  switch (tag) {
    case NULL:
      return null;
    case FALSE:
      return false;
    case TRUE:
      return true;
    case INTEGER:
      return reader.i32();
    case FLOAT:
      return reader.f64();
    case BIGINT:
      return readBigint(reader.text());
    case TEXT:
      return reader.text();
    case BYTES:
      return reader.bytes();
    case INTS:
      return reader.ints();
    case ARRAY:
      return Array.from({ length: reader.count(1) }, () => readRecord(reader, depth + 1));
    case OBJECT:
      return readObject(reader, depth);
    default:
      throw new ChannelError(`a message has a value of unknown kind ${tag}`);
  }
}

function readBigint(digits: string): bigint {
  if (!/^-?\d+$/.test(digits)) throw new ChannelError("a message has a malformed number");
  return BigInt(digits);
}

function readObject(reader: ByteReader, depth: number): Record<string, unknown> {
  const count = reader.count(2);
  const record: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const key = readName(reader);
    const value = readRecord(reader, depth + 1);
    // Assigning to a property with this name would set the prototype.
    if (key === "__proto__") Object.defineProperty(record, key, { ...OWN, value });
    else record[key] = value;
  }
  return record;
}

function readName(reader: ByteReader): string {
  const place = reader.u8();
  if (place === 0) return reader.text();
  const name = KNOWN_NAMES[place - 1];
  if (name === undefined)
    throw new ChannelError(`a message has a name with unknown index ${place}`);
  return name;
}

const OWN = { enumerable: true, configurable: true, writable: true };

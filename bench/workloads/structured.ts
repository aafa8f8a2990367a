// Streams whose output follows a 20-field schema (W16): their rate as a share of the rate without the schema,
// and the time to the first token with a new schema and with a known one.

import { allAtOnce, decodeRate, decodeTogether } from "../../src/benchmark/load.ts";
import {
  measureRequest,
  type RequestSpec,
  type Target,
} from "../../src/benchmark/measured-request.ts";
import { promptIds, promptText } from "../../src/benchmark/prompts.ts";
import { medianOf } from "../../src/benchmark/statistics.ts";
import { type RequestTimeline, ttftMs } from "../../src/benchmark/timeline.ts";
import { BATCH_CANDIDATES, DECODE_CANDIDATES } from "../servers/llama-server.ts";
import { roomFor, type Slice, type Workload } from "./workload.ts";

const NUM_STREAMS = 16;
const [TOKENS_IN, TOKENS_OUT] = [128, 256];
const SLICE_MS = 1_500;

const text = (maxLength: number) => ({ type: "string", minLength: 1, maxLength });

const FIELDS = {
  id: { type: "string", format: "uuid" },
  name: text(40),
  email: { type: "string", format: "email", maxLength: 40 },
  created: { type: "string", format: "date-time" },
  status: { enum: ["new", "active", "blocked", "deleted"] },
  role: { type: "string", enum: ["admin", "editor", "reader"] },
  age: { type: "integer", minimum: 0, maximum: 120 },
  score: { type: "number", minimum: 0, maximum: 1 },
  phone: { type: "string", pattern: "^\\+[0-9]{2} [0-9]{3} [0-9]{6}$" },
  zip: { type: "string", pattern: "^[0-9]{5}$" },
  city: text(30),
  country: { type: "string", pattern: "^[A-Z]{2}$" },
  isActive: { type: "boolean" },
  isVerified: { type: "boolean" },
  tags: { type: "array", items: text(12), minItems: 1, maxItems: 4 },
  address: {
    type: "object",
    properties: { street: text(30), number: { type: "integer" } },
    required: ["street", "number"],
    additionalProperties: false,
  },
  orders: { type: "array", items: { $ref: "#/$defs/order" }, maxItems: 3 },
  note: { type: ["string", "null"], maxLength: 60 },
  website: { type: "string", format: "uri", maxLength: 40 },
  summary: text(200),
};

const ORDER = {
  type: "object",
  properties: {
    sku: { type: "string", pattern: "^[A-Z]{3}-[0-9]{4}$" },
    amount: { type: "integer", minimum: 1 },
  },
  required: ["sku", "amount"],
  additionalProperties: false,
};

/** @param extra name of an additional field, for a schema that no server has seen yet */
function schemaOf(extra: string | null = null): object {
  const properties = { ...FIELDS, ...(extra !== null && { [extra]: { type: "boolean" } }) };
  return {
    ...{ type: "object", properties, required: Object.keys(properties) },
    ...{ additionalProperties: false, $defs: { order: ORDER } },
  };
}

/** The field that both Pagoda and llama-server support. */
const fieldsOf = (schema: object | null) => (schema === null ? {} : { json_schema: schema });

const specsOf = (schema: object | null, maxTokens: number): RequestSpec[] =>
  Array.from({ length: NUM_STREAMS }, (_, i) => ({
    ...{ prompt: promptIds(16_000 + i, TOKENS_IN), maxTokens, fields: fieldsOf(schema) },
  }));

async function structuredSlice(target: Target): Promise<Slice> {
  const runs = [];
  for (const schema of [null, schemaOf(), schemaOf(), null]) {
    const load = await decodeTogether(target, specsOf(schema, TOKENS_OUT), SLICE_MS);
    runs.push({ load, rate: decodeRate(load) });
  }
  const [first, second, third, last] = runs;
  if (!(first && second && third && last)) throw new Error("unreachable");
  const [free, constrained] = [(first.rate + last.rate) / 2, (second.rate + third.rate) / 2];
  const notes = { "tok/s without a schema": free, "tok/s with a schema": constrained };
  return { ...second.load, figure: constrained / free, notes };
}

const W16: Workload = {
  id: "W16",
  title: "16 streams follow a 20-field schema",
  figure: { name: "share of the rate without the schema", better: "higher" },
  room: roomFor(NUM_STREAMS, TOKENS_IN, TOKENS_OUT),
  numPairs: 5,
  candidates: BATCH_CANDIDATES,
  floor: 0.95,
  warmUp: async (target) => {
    await allAtOnce(target, specsOf(null, 4));
    await allAtOnce(target, specsOf(schemaOf(), 4));
  },
  slice: structuredSlice,
};

const NUM_REQUESTS = 30;

type SchemaOf = (i: number) => object | null;

/** Sends one request of each kind in turn, so that a change in the machine's speed affects all kinds. */
async function timeToFirst(
  target: Target,
  kinds: readonly SchemaOf[],
  seed: number,
): Promise<RequestTimeline[][]> {
  const timelines: RequestTimeline[][] = kinds.map(() => []);
  for (let i = 0; i < NUM_REQUESTS; i++) {
    for (const [kind, schema] of kinds.entries()) {
      const prompt = promptText(100_000 * seed + kinds.length * i + kind, 8);
      const fields = fieldsOf(schema(i));
      timelines[kind]?.push(await measureRequest(target, { prompt, maxTokens: 2, fields }));
    }
  }
  return timelines;
}

const median = (timelines: readonly RequestTimeline[]) =>
  medianOf(timelines.map(ttftMs).filter((ms) => ms !== null));

async function firstTokenSlice(target: Target, seed: number): Promise<Slice> {
  const startMs = performance.now();
  const kinds: SchemaOf[] = [() => null, () => schemaOf(), (i) => schemaOf(`is${seed}_${i}`)];
  const timelines = await timeToFirst(target, kinds, seed);
  const [withoutMs, knownMs, newMs] = timelines.map(median) as [number, number, number];
  const notes = {
    "TTFT ms without a schema": withoutMs,
    "additional ms, known schema": knownMs - withoutMs,
  };
  const durationS = (performance.now() - startMs) / 1000;
  return { timelines: timelines.flat(), durationS, figure: newMs - withoutMs, notes };
}

const W16_TTFT: Workload = {
  id: "W16:ttft",
  title: "first token of a request with a new 21-field schema",
  figure: { name: "additional TTFT ms with the schema", better: "lower" },
  room: roomFor(1, 32, 2),
  numPairs: 3,
  candidates: DECODE_CANDIDATES.slice(0, 1),
  floor: 5,
  warmUp: (target) => timeToFirst(target, [() => schemaOf()], 1),
  slice: firstTokenSlice,
};

export const STRUCTURED_WORKLOADS: readonly Workload[] = [W16, W16_TTFT];

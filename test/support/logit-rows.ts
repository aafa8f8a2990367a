// Logit rows that are typical or difficult for samplers, such as peaked, flat, tied, or descending rows.

import { NUM_LOGIT_ROWS } from "./logits-model.ts";
import { Prng } from "./prng.ts";

type Shape = (normal: () => number, id: number, vocabSize: number) => number;

const FLOAT_MAX = 3.4028234663852886e38;

const SHAPES: Readonly<Record<string, Shape>> = {
  peaked: (normal, id) => (id % 97 === 0 ? 14 - 2 * Math.log(1 + id) : 2.2 * normal()),
  flat: (normal) => 0.5 * normal(),
  wide: (normal) => 30 * normal(),
  "tied at multiples of 0.5": (normal) => Math.round(4 * normal()) / 2,
  "tied at three values": (normal) => 3 * Math.sign(Math.round(normal())),
  equal: () => 2.5,
  "one above many equal ones": (_, id) => (id === 70 ? 3 : -1),
  descending: (_, id) => -id / 64,
  ascending: (_, id, n) => (id - n) / 64,
  "mostly masked": (normal, id) => (id % 13 === 5 ? normal() : -1e30),
  "one unmasked": (_, id) => (id === 200 ? 1 : -FLOAT_MAX),
  "one enormous": (normal, id) => (id === 131 ? FLOAT_MAX : normal()),
  "from -max to max": (normal) => Math.max(-1, Math.min(1, normal() / 3)) * FLOAT_MAX,
  denormal: (normal) => normal() * 1e-42,
  "powers of two": (_, id) => (id % 2 === 0 ? 1 : -1) * 2 ** ((id % 200) - 120),
  "far from zero": (normal) => 5000 + normal(),
};

export const SHAPE_NAMES: readonly string[] = Object.keys(SHAPES);

/** [NUM_LOGIT_ROWS] rows of float32, one per shape. */
export function logitRows(vocabSize: number, seed = 1): Float32Array[] {
  const prng = new Prng(seed);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - prng.next())) * Math.cos(2 * Math.PI * prng.next());
  const rows = Object.values(SHAPES).map((shape) =>
    Float32Array.from({ length: vocabSize }, (_, id) => shape(normal, id, vocabSize)),
  );
  if (rows.length !== NUM_LOGIT_ROWS) throw new Error("one row per shape expected");
  return rows;
}

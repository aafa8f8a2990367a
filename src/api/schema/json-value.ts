// Values in JSON bodies, as parsed by src/json.ts.

import { type Integer, WrittenNumber } from "../../json.ts";

export type Json = null | boolean | Integer | WrittenNumber | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  const isContainer = typeof value === "object" && value !== null && !Array.isArray(value);
  return isContainer && !(value instanceof WrittenNumber);
}

// Reads a request body and checks its media type, size, arrival time, structure and syntax before interpreting it.

import { adapterOf } from "../api/api-context.ts";
import { parseBody } from "../api/parse-body.ts";
import { quoted } from "../api/quote.ts";
import { isObject, type Json, type JsonObject } from "../api/schema/json-value.ts";
import type { Fields } from "../api/schema/types.ts";
import { bodyFault } from "../api/schema-faults.ts";
import { TEMPLATE_FIELDS } from "../api/schemas.ts";
import { RequestError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { checkRoom, type ServerContext, type ServerLimits } from "./server-context.ts";

/** Admits schemas of the maximum depth, whose levels take two levels of JSON each. */
const MAX_DEPTH = 100;
/**
 * Maximum number of strings (including names), lists and objects in a body. Reading one of these takes up to 3 µs, 100
 * times as long as a number, so millions of them would block the server for seconds.
 */
const MAX_PARTS = 100_000;

/**
 * @param isAlias returns true for a name that also means the served model
 * @throws RequestError "unsupported_media_type", "body_too_large", "body_timeout", "invalid_schema" or
 *   "model_not_found"; EngineError and OverloadError if the server is not accepting requests
 */
export async function readBody<T extends NamedModel>(
  context: ServerContext,
  request: Request,
  fields: Fields<T>,
  isAlias: (model: string) => boolean = () => false,
): Promise<T> {
  const written = TEMPLATE_FIELDS.filter((name) => name in fields);
  const body = parseBody(fields, await readJson(context, request, written));
  if (body.model === null || !isAlias(body.model)) adapterOf(context, body.model);
  return body;
}

interface NamedModel {
  readonly model: string | null;
}

/**
 * Reads a body without interpreting it.
 * @param written names of members whose numbers must be kept exactly as written
 * @throws as readBody(), except "model_not_found"
 */
export async function readJson(
  context: ServerContext,
  request: Request,
  written: readonly string[] = TEMPLATE_FIELDS,
): Promise<JsonObject> {
  checkRoom(context);
  return readJsonBody(request, context.limits, written);
}

/** @throws RequestError "invalid_schema" or "model_not_found" */
export function checkedBody<T extends NamedModel>(
  context: ServerContext,
  json: JsonObject,
  fields: Fields<T>,
): T {
  const body = parseBody(fields, json);
  adapterOf(context, body.model);
  return body;
}

async function readJsonBody(
  request: Request,
  limits: ServerLimits,
  written: readonly string[],
): Promise<JsonObject> {
  const { maxBodyBytes: maxBytes, bodyTimeoutMs } = limits;
  // Ignores parameters and, if the header is repeated, all values but the first.
  const mediaType = request.headers.get("content-type")?.split(/[;,]/)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new RequestError(
      "unsupported_media_type",
      "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
    );
  }
  const declared = Number(request.headers.get("content-length") ?? 0);
  const text = declared > maxBytes ? null : await readText(request, maxBytes, bodyTimeoutMs);
  if (text === null) {
    throw new RequestError("body_too_large", `The request body is larger than ${maxBytes} bytes.`);
  }
  return parseObject(text, written);
}

/**
 * Reads text without holding more than `maxBytes` in memory.
 * @returns null if the body is longer than `maxBytes`
 * @throws RequestError "body_timeout" or "invalid_schema"
 */
async function readText(
  request: Request,
  maxBytes: number,
  timeoutMs: number,
): Promise<string | null> {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void reader.cancel();
  }, timeoutMs);
  try {
    const text = await decodeAll(reader, maxBytes);
    if (!isLate) return text;
  } catch {
    // The body is invalid UTF-8, or the client disconnected while sending it. In the latter case, it will not see the
    // response.
    if (!isLate) throw unreadable(request.headers.get("content-encoding"));
  } finally {
    clearTimeout(timer);
  }
  const message = `The request body did not arrive within ${timeoutMs / 1000} s.`;
  throw new RequestError("body_timeout", message);
}

function unreadable(encoding: string | null): RequestError {
  const advice =
    encoding === null || encoding === "identity"
      ? ""
      : `: Content-Encoding ${quoted(encoding)} is not supported`;
  return invalidJson(
    `The request body is not valid UTF-8 or could not be read to the end${advice}`,
  );
}

interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function decodeAll(reader: BodyReader, maxBytes: number): Promise<string | null> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let numBytes = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done || value === undefined) return text + decoder.decode();
    numBytes += value.length;
    if (numBytes > maxBytes) {
      void reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parseObject(text: string, written: readonly string[]): JsonObject {
  checkStructure(text);
  let body: Json;
  try {
    body = parseJson(text, written) as Json;
  } catch (error) {
    throw invalidJson(`JSON decode error: ${error instanceof Error ? error.message : error}`);
  }
  if (isObject(body)) return body;
  throw bodyFault("dict_type", ["body"], "Input should be a valid dictionary");
}

function invalidJson(message: string): RequestError {
  return bodyFault("json_invalid", ["body"], message);
}

/** Checks nesting and the number of parts, without recursion. @throws RequestError "invalid_schema" */
function checkStructure(text: string): void {
  let depth = 0;
  let numParts = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x22) i = endOfString(text, i);
    else if (char === 0x5b || char === 0x7b) depth++;
    else {
      if (char === 0x5d || char === 0x7d) depth--;
      continue;
    }
    if (depth > MAX_DEPTH) throw invalidJson(`The body is nested deeper than ${MAX_DEPTH} levels`);
    if (++numParts > MAX_PARTS) {
      throw invalidJson(`The body has more than ${MAX_PARTS} strings, lists and objects`);
    }
  }
}

/** @returns index of the quote that closes the string opened at `start` */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x5c) i++;
    else if (char === 0x22) return i;
  }
  return text.length;
}

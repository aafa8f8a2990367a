// Converts a chat's messages for the engine. Keeps text parts and refuses all other content parts.

import { RequestError } from "../errors.ts";
import { wellFormedJson, writeJson } from "../json.ts";
import { shortened } from "./quote.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";

/** A checked message with all members that the template can use. */
export type ChatMessage = JsonObject & { readonly role: string };

/** @throws RequestError "invalid_value" or "unsupported" */
export function chatMessages(messages: readonly JsonObject[]): ChatMessage[] {
  if (messages.length === 0) invalid("messages must not be empty");
  return messages.map((message) => ({
    ...withoutNulls(message),
    role: String(message["role"]),
    content: checkedContent(message["content"] ?? refusalOf(message)),
    ...toolCalls(message["tool_calls"]),
  }));
}

/**
 * @returns the text in which an OpenAI model refused an earlier request, which replaces the content
 */
function refusalOf({ refusal = null }: JsonObject): Json {
  return typeof refusal === "string" && refusal !== "" ? refusal : null;
}

function toolCalls(list: Json | undefined): JsonObject {
  if (!Array.isArray(list)) return {};
  return { tool_calls: list.map((call) => (isObject(call) ? withReadableArguments(call) : call)) };
}

function withReadableArguments(call: JsonObject): JsonObject {
  const called = call["function"];
  const given = isObject(called) ? (called["arguments"] ?? null) : null;
  if (!isObject(called) || given === null || isObject(given)) return call;
  const readable = argumentsJson(typeof given === "string" ? given : writeJson(given));
  return readable === given ? call : { ...call, function: { ...called, arguments: readable } };
}

/**
 * Converts arguments to a JSON object, since templates accept nothing else: an agent keeps a call that was cut off in
 * its history. Replaces lone surrogates, because Python accepts them but the engine does not.
 */
function argumentsJson(text: string): string {
  const value = parsedOrText(text);
  if (isObject(value)) return wellFormedJson(text);
  // Clients in Go and PHP write empty arguments as null and [].
  const isEmpty = value === null || value === "" || (Array.isArray(value) && value.length === 0);
  return isEmpty ? "{}" : writeJson({ arguments: text });
}

function parsedOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text.trim();
  }
}

/** Drops null members, because some clients send every member, and templates can test whether a member is defined. */
function withoutNulls(message: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
}

/** @returns a checked message's text, with its nonempty parts joined by newlines as in vLLM */
export function contentText({ content }: ChatMessage): string {
  const parts = Array.isArray(content) ? content : [content];
  const texts = parts.map((part) => String(isObject(part) ? part["text"] : (part ?? "")));
  return texts.filter((text) => text !== "").join("\n");
}

/** Checks a message's content. Depending on the template, the engine keeps the parts or joins them with newlines. */
function checkedContent(content: Json): Json {
  if (content === null || typeof content === "string") return content;
  if (!Array.isArray(content)) invalid("message content must be text or a list of parts");
  return content.map((part) => ({ type: "text", text: partText(part) }));
}

/** vLLM's text part types, with the field that holds the text. */
const TEXT_FIELDS: ReadonlyMap<unknown, string> = new Map([
  ["text", "text"],
  ["input_text", "text"],
  ["output_text", "text"],
  ["refusal", "refusal"],
  ["thinking", "thinking"],
]);

/** Part types in vLLM, OpenAI and Hugging Face that require an image, audio or video model. */
const MEDIA_TYPES: readonly string[] = [
  ...["image_url", "input_image", "image", "image_pil", "image_embeds", "image_uuid"],
  ...["audio_url", "input_audio", "audio", "audio_embeds", "video_url", "video", "file"],
];

function partText(part: Json): string {
  if (typeof part === "string") return part;
  if (!isObject(part)) invalid("a content part must be text or an object");
  const type = typeOf(part);
  if (MEDIA_TYPES.includes(type)) {
    throw new RequestError(
      "unsupported",
      `The served model is not a multimodal model: content parts of type '${type}' are not supported.`,
    );
  }
  const field = TEXT_FIELDS.get(type);
  if (field === undefined) {
    invalid(`Unknown part type: ${type}. Known types: ${[...TEXT_FIELDS.keys()].join(", ")}.`);
  }
  const text = part[field];
  if (typeof text === "string") return text;
  invalid(`a content part of type '${type}' must have text in its '${field}' field`);
}

/** @returns the part's `type`; if that is missing, the first known field in the part */
function typeOf(part: JsonObject): string {
  const { type } = part;
  if (typeof type === "string") return shortened(type);
  if (type !== undefined && type !== null) invalid("the 'type' of a content part must be text");
  const known = [...TEXT_FIELDS.values(), ...MEDIA_TYPES];
  return known.find((name) => part[name] !== undefined) ?? invalid(NO_TYPE);
}

const NO_TYPE = "a content part has no 'type'";

function invalid(message: string): never {
  throw new RequestError("invalid_value", message);
}

// Converts a body's messages to chat messages. Blocks of unknown types are skipped, since clients send new types to
// every server. Media in a user's message is kept, so that the chat refuses it.

import { writeJson } from "../../json.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import type { CountTokensBody } from "./schema.ts";

/** Start of a block that Claude Code changes with each request. If the block were kept, no prefix could be reused. */
const BILLING = "x-anthropic-billing-header:";

type Conversation = Pick<CountTokensBody, "messages" | "system">;

/** @returns messages in the format of /v1/chat/completions */
export function conversationOf({ system, messages }: Conversation): JsonObject[] {
  const toolNames = new Map<Json | undefined, Json>();
  const later = messages.flatMap((message) => {
    const blocks = blocksOf(message["content"]);
    for (const { type, id, name } of blocks)
      if (type === "tool_use") toolNames.set(id, name ?? null);
    if (message["role"] === "assistant") return assistantMessages(blocks);
    if (message["role"] === "user") return userMessages(blocks, toolNames);
    return systemMessages(message["content"]);
  });
  return [...systemMessages(system), ...later];
}

function blocksOf(content: Json | undefined): readonly JsonObject[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return Array.isArray(content) ? content.filter(isObject) : [];
}

function systemMessages(content: Json | undefined): JsonObject[] {
  const texts = blocksOf(content).flatMap(textsOf);
  const kept = texts.filter((text) => text !== "" && !text.startsWith(BILLING));
  return kept.length === 0 ? [] : [{ role: "system", content: kept.join("\n") }];
}

function assistantMessages(blocks: readonly JsonObject[]): JsonObject[] {
  const content = contentOf(blocks.flatMap(textParts));
  const thoughts = blocks.filter(({ type }) => type === "thinking").map(({ thinking }) => thinking);
  const calls = blocks.filter(({ type }) => type === "tool_use").map(toolCall);
  if (content === null && thoughts.length === 0 && calls.length === 0) return [];
  return [
    {
      role: "assistant",
      content,
      ...(thoughts.length > 0 && { reasoning_content: thoughts.map(textOr).join("\n") }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  ];
}

/** @returns a single text part as a string, since not all templates accept lists; null if there is no content */
function contentOf(parts: readonly JsonObject[]): Json {
  if (parts.length === 0) return null;
  const [first] = parts;
  return parts.length === 1 && first?.["type"] === "text" ? (first["text"] ?? "") : parts;
}

function toolCall({ id = "", name = "", input = {} }: JsonObject): JsonObject {
  return { id, type: "function", function: { name, arguments: writeJson(input) } };
}

/** @returns a message for each tool result, and messages for the user's content before, between and after them */
function userMessages(
  blocks: readonly JsonObject[],
  toolNames: ReadonlyMap<Json | undefined, Json>,
): JsonObject[] {
  const messages: JsonObject[] = [];
  let parts: JsonObject[] = [];
  const flush = () => {
    const content = contentOf(parts);
    if (content !== null) messages.push({ role: "user", content });
    parts = [];
  };
  for (const block of blocks) {
    if (block["type"] === "tool_result") {
      flush();
      messages.push(toolMessage(block, toolNames.get(block["tool_use_id"]) ?? null));
    } else parts.push(...textParts(block), ...mediaParts(block));
  }
  flush();
  return messages;
}

function toolMessage(
  { tool_use_id: id = "", content, is_error }: JsonObject,
  name: Json,
): JsonObject {
  const blocks = blocksOf(content);
  const text = blocks.flatMap(resultTexts).join("\n");
  const saysError = is_error !== true || text.toLowerCase().includes("error");
  return {
    role: "tool",
    tool_call_id: id,
    ...(name !== null && { name }),
    content: saysError ? text : `Error: ${text}`,
  };
}

/** Replaces media in tool results with a note. Refusing media would end the session, since it stays in the history. */
function resultTexts(block: JsonObject): string[] {
  const numMedia = mediaParts(block).length;
  return numMedia === 0
    ? textsOf(block)
    : [`[${block["type"]} omitted: the model reads only text]`];
}

const textParts = (block: JsonObject): JsonObject[] =>
  textsOf(block).map((text) => ({ type: "text", text }));

/** @returns a block's texts; [] if it has none */
function textsOf(block: JsonObject): string[] {
  switch (block["type"]) {
    case "text":
      return [textOr(block["text"])];
    case "document": {
      const source = isObject(block["source"]) ? block["source"] : {};
      if (source["type"] === "text") return [textOr(source["data"])];
      return source["type"] === "content" ? blocksOf(source["content"]).flatMap(textsOf) : [];
    }
    case "search_result": {
      const heading = [textOr(block["title"]), textOr(block["source"])];
      return [...heading, ...blocksOf(block["content"]).flatMap(textsOf)];
    }
    default:
      return [];
  }
}

/** @returns a part that represents an image or a document without text; [] for any other block */
function mediaParts(block: JsonObject): JsonObject[] {
  if (block["type"] === "image") return [{ type: "image" }];
  return block["type"] === "document" && textsOf(block).length === 0 ? [{ type: "file" }] : [];
}

const textOr = (text: Json | undefined): string => (typeof text === "string" ? text : "");

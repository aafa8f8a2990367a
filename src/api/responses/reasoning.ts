// Reasoning items. Their text is in `content`. Clients that do not rely on stored responses request `encrypted_content`,
// which carries the same text; they may send back only that member.

import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";

/** Marks content as this server's own; encrypted content from other servers cannot be read. */
const SEAL = "pagoda:";

export function sealed(text: string): string {
  return SEAL + Buffer.from(text).toString("base64");
}

/** @returns a reasoning item's text; "" if it cannot be read */
export function reasoningText({ content, summary, encrypted_content }: JsonObject): string {
  const shown = textsOf(content);
  if (shown !== "") return shown;
  const isOwn = typeof encrypted_content === "string" && encrypted_content.startsWith(SEAL);
  if (isOwn) return Buffer.from(encrypted_content.slice(SEAL.length), "base64").toString();
  return textsOf(summary);
}

function textsOf(parts: Json | undefined): string {
  if (!Array.isArray(parts)) return "";
  const texts = parts.filter(isObject).map(({ text }) => (typeof text === "string" ? text : ""));
  return texts.filter((text) => text !== "").join("\n");
}

// Checks a body's tools and content blocks beyond what its schema can express. Members of unknown types of tools and
// blocks are not checked, since clients send new types to every server.

import { checkMembers, type Members } from "../required-members.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import type { Location } from "../schema-faults.ts";
import type { CountTokensBody } from "./schema.ts";

/** @throws RequestError "invalid_schema" */
export function checkMessagesBody({ messages, tools, tool_choice }: CountTokensBody): void {
  for (const [i, { content }] of messages.entries()) {
    if (Array.isArray(content)) checkBlocks(content, ["body", "messages", i, "content"]);
  }
  for (const [i, tool] of (tools ?? []).entries()) {
    if (isCallable(tool)) checkMembers(tool, TOOL, ["body", "tools", i]);
  }
  if (tool_choice?.["type"] === "tool") checkMembers(tool_choice, CHOICE, ["body", "tool_choice"]);
}

/** @returns false for a tool that Anthropic runs, or whose schema is built into Anthropic's models */
export function isCallable({ type = null, input_schema }: JsonObject): boolean {
  return CALLABLE.includes(type) || isObject(input_schema);
}

/** Types of tools that run on the client. "function" is OpenAI's type, whose members differ. */
const CALLABLE: readonly Json[] = [null, "custom", "function"];

const TOOL: Members = { name: "string", input_schema: "dictionary" };
const CHOICE: Members = { name: "string" };

/** Required members of blocks, by type. */
const BLOCKS: Readonly<Record<string, Members>> = {
  text: { text: "string" },
  thinking: { thinking: "string" },
  tool_use: { id: "string", name: "string" },
  tool_result: { tool_use_id: "string" },
};

function checkBlocks(blocks: readonly Json[], location: Location): void {
  for (const [i, block] of blocks.entries()) {
    if (!isObject(block)) continue;
    const { type, content } = block;
    checkMembers(block, BLOCKS[String(type)] ?? {}, [...location, i]);
    if (Array.isArray(content)) checkBlocks(content, [...location, i, "content"]);
  }
}

// Checks the tools and tool_choice of a chat.

import { RequestError } from "../errors.ts";
import { quoted, shortened } from "./quote.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";
import type { ChatBody } from "./schemas.ts";

export type ToolChoice =
  /** The model can call any number of tools. With `none`, its text is not searched for calls. */
  | { readonly kind: "none" | "auto" | "required" }
  | { readonly kind: "named"; readonly name: string };

type ToolBody = Pick<ChatBody, "tools" | "tool_choice">;

/**
 * @returns the tools that the model may call; "none" if there are no tools
 * @throws RequestError "invalid_value"
 */
export function toolChoice({ tools, tool_choice: choice }: ToolBody): ToolChoice {
  if (choice === "none" || (tools === null && choice === null)) return NONE;
  // Clients that have no tools now can send an empty list with their usual choice.
  if (tools?.length === 0 && (choice === null || choice === "auto")) return NONE;
  if (tools === null || tools.length === 0) {
    refuse("When using `tool_choice`, `tools` must be set.", "tool_choice");
  }
  checkNames(tools);
  if (choice === null || choice === "auto") return { kind: "auto" };
  if (choice === "required") return { kind: "required" };
  if (isObject(choice)) return namedTool(tools, choice);
  refuse(
    `Invalid value for \`tool_choice\`: ${shortened(String(choice))}! Only named tools, "none", "auto" or ` +
      '"required" are supported.',
    "tool_choice",
  );
}

const NONE: ToolChoice = { kind: "none" };

/**
 * Applies OpenAI's `allowed_tools`: keeps only the allowed tools, and makes the mode the tool choice. Returns any other
 * body unchanged.
 * @throws RequestError "invalid_value"
 */
export function withAllowedTools<T extends ToolBody>(body: T): T {
  const { tools, tool_choice: choice } = body;
  if (!isObject(choice) || choice["type"] !== "allowed_tools") return body;
  const { mode = "auto", tools: listed } = isObject(choice["allowed_tools"])
    ? choice["allowed_tools"]
    : {};
  if (!Array.isArray(listed) || (mode !== "auto" && mode !== "required")) {
    refuse(
      '`tool_choice` of type \'allowed_tools\' must have a list of `tools` and the `mode` "auto" or "required".',
      "tool_choice",
    );
  }
  const names = new Set(listed.filter(isObject).map(toolName));
  const known = new Set((tools ?? []).map(toolName));
  for (const name of names) {
    if (!known.has(name)) refuse(`\`tools\` has no tool named ${quoted(name)}.`, "tool_choice");
  }
  const allowed = (tools ?? []).filter((tool) => names.has(toolName(tool)));
  if (allowed.length > 0) return { ...body, tools: allowed, tool_choice: mode };
  return { ...body, tools: null, tool_choice: mode === "required" ? mode : "none" };
}

function namedTool(tools: readonly JsonObject[], choice: JsonObject): ToolChoice {
  const chosen = choice["function"];
  const name = isObject(chosen) ? chosen["name"] : choice["name"];
  if (typeof name === "string" && tools.some((tool) => toolName(tool) === name)) {
    return { kind: "named", name };
  }
  refuse(
    "The tool specified in `tool_choice` does not match any of the specified `tools`",
    "tool_choice",
  );
}

/**
 * @param choice in the format of /v1/chat/completions
 * @returns a chat's tool fields. If there are no tools, only a choice that requires one is kept, so that it is refused.
 */
export function toolFields(
  tools: readonly JsonObject[],
  choice: Json,
  isParallel: boolean,
): JsonObject {
  if (tools.length > 0) return { tools, tool_choice: choice, parallel_tool_calls: isParallel };
  return choice === "auto" || choice === "none" ? {} : { tool_choice: choice };
}

/** @returns whether calls must follow the schema, so that a schema that cannot be enforced is refused */
export function isStrict({ function: described }: JsonObject): boolean {
  return isObject(described) && described["strict"] === true;
}

export function toolName(tool: JsonObject): string {
  const { function: called } = tool;
  return isObject(called) ? String(called["name"]) : "";
}

/** Refuses empty names, which no call can have, and duplicate names, because a call could mean either tool. */
function checkNames(tools: readonly JsonObject[]): void {
  const names = new Set<string>();
  for (const tool of tools) {
    const name = toolName(tool);
    if (name === "") refuse("A tool has an empty name.", "tools");
    if (names.has(name)) refuse(`Two tools are named '${shortened(name)}'.`, "tools");
    names.add(name);
  }
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}

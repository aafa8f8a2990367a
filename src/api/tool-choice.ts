// Checks the tools and tool_choice of a chat.

import { RequestError } from "../errors.ts";
import { shortened } from "./quote.ts";
import { isObject, type JsonObject } from "./schema/json-value.ts";
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
  if (tools === null) refuse("When using `tool_choice`, `tools` must be set.", "tool_choice");
  // An empty list counts as no tools, no matter what the choice is.
  if (tools.length === 0) return NONE;
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

function namedTool(tools: readonly JsonObject[], choice: JsonObject): ToolChoice {
  if (choice["type"] === "allowed_tools") {
    refuse("`tool_choice` of type 'allowed_tools' is not supported on this route.", "tool_choice");
  }
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

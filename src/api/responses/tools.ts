// Tools of a body as functions that a model can call, and the way back from a call. A namespace's tools are
// flattened: their names get the namespace's as a prefix. A custom tool, whose input is plain text, becomes a function
// with a single string. Tools that OpenAI runs are left out.

import { isObject, type Json, type JsonObject } from "../fields.ts";

/** A tool as the client named it. */
export interface ToolOrigin {
  readonly kind: "function" | "custom";
  readonly name: string;
  /** Null = none. */
  readonly namespace: string | null;
}

export interface ToolTable {
  /** Tools in the format of /v1/chat/completions. */
  readonly functions: readonly JsonObject[];
  /** By the name of the function. */
  readonly origins: ReadonlyMap<string, ToolOrigin>;
}

/** The parameter of a function that stands for a custom tool. */
export const CUSTOM_INPUT = "input";

/** The last of several tools with the same name counts: clients send a tool again that was found by a search. */
export function toolTable(tools: readonly JsonObject[]): ToolTable {
  const functions = new Map<string, JsonObject>();
  const origins = new Map<string, ToolOrigin>();
  const add = (tool: JsonObject, namespace: string | null) => {
    const { type, name } = tool;
    const isKnown = type === "function" || type === "custom";
    if (!isKnown || typeof name !== "string") return;
    const flat = flatName(name, namespace);
    origins.set(flat, { kind: type, name, namespace });
    functions.set(flat, type === "function" ? functionTool(tool, flat) : customTool(tool, flat));
  };
  for (const tool of tools) {
    const { type, name, tools: inner } = tool;
    if (type !== "namespace") add(tool, null);
    else if (typeof name === "string" && Array.isArray(inner)) {
      for (const one of inner.filter(isObject)) add(one, name);
    }
  }
  return { functions: [...functions.values()], origins };
}

/** @returns the name of a function for a tool; names that end in underscores, as Codex's can, get no more */
export function flatName(name: string, namespace: string | null): string {
  if (namespace === null) return name;
  return namespace.endsWith("__") ? namespace + name : `${namespace}__${name}`;
}

function functionTool({ description, parameters, strict }: JsonObject, name: string): JsonObject {
  return {
    type: "function",
    function: {
      name,
      ...(typeof description === "string" && { description }),
      ...(isObject(parameters) && { parameters }),
      ...(strict === true && { strict }),
    },
  };
}

function customTool({ description = "", format }: JsonObject, name: string): JsonObject {
  const grammar = isObject(format) && format["type"] === "grammar" ? format : {};
  const { syntax, definition = "" } = grammar;
  const rules =
    syntax === undefined ? "" : `\n\nThe input must match this ${syntax} grammar:\n${definition}`;
  const pattern = syntax === "regex" ? { pattern: `^(?:${definition})$` } : {};
  return {
    type: "function",
    function: {
      name,
      description: `${description}${rules}`,
      parameters: {
        type: "object",
        properties: { [CUSTOM_INPUT]: { type: "string", ...pattern } },
        required: [CUSTOM_INPUT],
        additionalProperties: false,
      },
    },
  };
}

/** @returns the fields of a chat that say which tools it has and must use; {} without tools */
export function toolFields(table: ToolTable, choice: Json, isParallel: boolean): JsonObject {
  const { tools, choice: chosen } = chosenTools(table, choice);
  if (tools.length === 0) return {};
  return { tools, tool_choice: chosen, parallel_tool_calls: isParallel };
}

interface ChosenTools {
  readonly tools: readonly JsonObject[];
  readonly choice: Json;
}

function chosenTools({ functions }: ToolTable, choice: Json): ChosenTools {
  if (!isObject(choice)) return { tools: functions, choice };
  const { type, mode = "auto", tools: allowed } = choice;
  if (type === "function" || type === "custom") {
    const named = { type: "function", function: { name: nameOf(choice) } };
    return { tools: functions, choice: named };
  }
  // A choice of a tool that OpenAI runs: there is none to choose.
  if (type !== "allowed_tools" || !Array.isArray(allowed))
    return { tools: functions, choice: "auto" };
  const names = new Set(allowed.filter(isObject).map(nameOf));
  const isAllowed = ({ function: called }: JsonObject) =>
    isObject(called) && names.has(nameOf(called));
  return { tools: functions.filter(isAllowed), choice: mode };
}

function nameOf({ name, namespace }: JsonObject): string {
  return flatName(String(name ?? ""), typeof namespace === "string" ? namespace : null);
}

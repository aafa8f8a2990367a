// Converts a body's tools to functions that a model can call, and maps calls back to tools. Tools in a namespace are
// flattened, with the namespace as a prefix of their names. A custom tool, whose input is plain text, becomes a
// function with a single string. Tools that OpenAI runs are omitted.

import { RequestError } from "../../errors.ts";
import type { ToolInputs } from "../chat-grammar.ts";
import { type CustomTool, customFunction, customGrammar } from "../custom-tool.ts";
import { quoted } from "../quote.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";

/** A tool, under the name that the client uses. */
export interface ToolOrigin {
  readonly kind: "function" | "custom";
  readonly name: string;
  /** The tool's namespace; null = none. */
  readonly namespace: string | null;
}

export interface ToolTable {
  /** Tools in the format of /v1/chat/completions. */
  readonly functions: readonly JsonObject[];
  /** Tools by function name. */
  readonly origins: ReadonlyMap<string, ToolOrigin>;
  /** Grammars of custom tools that can be enforced, by function name. */
  readonly inputs: ToolInputs;
}

/**
 * Creates the table.
 * @param added tools that the input adds, which replace tools with the same name: clients resend tools that a search
 *   has found
 */
export function toolTable(
  tools: readonly JsonObject[],
  added: readonly JsonObject[] = [],
): ToolTable {
  const later = new Map(flattened(added).map((tool) => [tool.name, tool]));
  const first = flattened(tools).filter(({ name }) => !later.has(name));
  const all = [...first, ...later.values()];
  const inputs = all.flatMap(({ name, tool, origin }) => {
    const input = origin.kind === "custom" ? customGrammar(customToolOf(tool)) : null;
    return input === null ? [] : [[name, input] as const];
  });
  return {
    functions: all.map(({ name, tool, origin }) =>
      origin.kind === "custom"
        ? customFunction(customToolOf(tool), name)
        : functionTool(tool, name),
    ),
    origins: new Map(all.map(({ name, origin }) => [name, origin])),
    inputs: new Map(inputs),
  };
}

interface FlatTool {
  /** Name of the function that represents the tool. */
  readonly name: string;
  readonly tool: JsonObject;
  readonly origin: ToolOrigin;
}

/** @returns the tools that the model can call, including those in namespaces */
function flattened(tools: readonly JsonObject[], namespace: string | null = null): FlatTool[] {
  return tools.flatMap((tool) => {
    const { type, name, tools: inner } = tool;
    if (typeof name !== "string") return [];
    if (type === "function" || type === "custom") {
      const origin = { kind: type, name, namespace } as const;
      return [{ name: flatName(name, namespace), tool, origin }];
    }
    const isGroup = type === "namespace" && namespace === null && Array.isArray(inner);
    return isGroup ? flattened(inner.filter(isObject), name) : [];
  });
}

/** @returns a tool's function name. As in Codex, no underscores are added to a namespace that already ends in two. */
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

function customToolOf({ description, format }: JsonObject): CustomTool {
  const { syntax, definition = "" } =
    isObject(format) && format["type"] === "grammar" ? format : {};
  return {
    description: typeof description === "string" ? description : "",
    grammar:
      syntax === undefined ? null : { syntax: String(syntax), definition: String(definition) },
  };
}

/**
 * @returns a tool choice in the format of /v1/chat/completions
 * @throws RequestError "unsupported" for a tool that OpenAI runs, since it does not exist here
 */
export function chatChoice(choice: Json): Json {
  if (!isObject(choice)) return choice;
  const { type = null, mode = "auto", tools } = choice;
  if (type === "function" || type === "custom") return functionNamed(choice);
  if (type !== "allowed_tools") {
    const message = `This server has no tool of type ${quoted(String(type))}, so \`tool_choice\` cannot require it.`;
    throw new RequestError("unsupported", message, "tool_choice");
  }
  const listed = Array.isArray(tools) ? tools.filter(isCallable).map(functionNamed) : null;
  return { type, allowed_tools: { mode, tools: listed } };
}

function isCallable(tool: Json): tool is JsonObject {
  return isObject(tool) && (tool["type"] === "function" || tool["type"] === "custom");
}

function functionNamed(tool: JsonObject): JsonObject {
  return { type: "function", function: { name: nameOf(tool) } };
}

function nameOf({ name, namespace }: JsonObject): string {
  return flatName(String(name ?? ""), typeof namespace === "string" ? namespace : null);
}

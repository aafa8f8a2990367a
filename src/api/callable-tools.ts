// Extracts the names and parameter types of a request's tools, which tool-call parsers need.

import { parametersOf } from "../formats/parameters.ts";
import { definitionsOf, typesOf } from "../formats/schema-types.ts";
import { TOOL_FORMATS } from "../formats/tool-formats.ts";
import type { CallableTool, ToolParser } from "../protocol/message-parsing.ts";
import { isObject, type JsonObject } from "./schema/json-value.ts";
import { toolName } from "./tool-choice.ts";

export function callableTools(
  tools: readonly JsonObject[],
  toolParser: ToolParser | null,
): readonly CallableTool[] {
  if (toolParser === null) return [];
  const { needsTypes = false } = TOOL_FORMATS[toolParser];
  return tools.map((tool) => ({
    name: toolName(tool),
    parameters: needsTypes ? parameterTypes(tool) : [],
  }));
}

function parameterTypes({ function: described }: JsonObject): CallableTool["parameters"] {
  const schema = isObject(described) ? described["parameters"] : null;
  if (!isObject(schema)) return [];
  return parametersOf(schema).map(({ name, schema: own }) => [
    name,
    [...typesOf(own, definitionsOf(schema))],
  ]);
}

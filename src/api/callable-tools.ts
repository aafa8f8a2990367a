// Extracts the names and parameter types of a request's tools, which tool-call parsers need.

import type { Schema } from "../formats/lark.ts";
import { M3_ITEM } from "../formats/minimax-m3-call.ts";
import { parametersOf } from "../formats/parameters.ts";
import { definitionsOf, isSchema, resolved, typesOf } from "../formats/schema-types.ts";
import { TOOL_FORMATS } from "../formats/tool-formats.ts";
import { typePath } from "../formats/tool-types.ts";
import type { CallableTool, ToolParser } from "../protocol/message-parsing.ts";
import { isObject, type JsonObject } from "./schema/json-value.ts";
import { toolName } from "./tool-choice.ts";

export function callableTools(
  tools: readonly JsonObject[],
  toolParser: ToolParser | null,
): readonly CallableTool[] {
  if (toolParser === null) return [];
  const { needsTypes = null } = TOOL_FORMATS[toolParser];
  return tools.map((tool) => ({
    name: toolName(tool),
    parameters: needsTypes === null ? [] : parameterTypes(tool, needsTypes === "nested"),
  }));
}

function parameterTypes(
  { function: described }: JsonObject,
  isNested: boolean,
): CallableTool["parameters"] {
  const schema = isObject(described) ? described["parameters"] : null;
  return isObject(schema) ? memberTypes(schema, isNested, []) : [];
}

/** Maximum nesting of values whose types are listed. */
const MAX_DEPTH = 6;

function memberTypes(
  schema: Schema,
  isNested: boolean,
  path: readonly string[],
): CallableTool["parameters"] {
  return parametersOf(schema).flatMap(({ name, schema: own }) =>
    valueTypes(own, isNested, [...path, name]),
  );
}

function valueTypes(
  schema: Schema,
  isNested: boolean,
  path: readonly string[],
): CallableTool["parameters"] {
  const definitions = definitionsOf(schema);
  const own = [typePath(path), [...typesOf(schema, definitions)]] as const;
  if (!isNested || path.length >= MAX_DEPTH) return [own];
  const { items, ...whole } = resolved(schema);
  const ofItems = isSchema(items)
    ? valueTypes({ ...items, ...definitions }, true, [...path, M3_ITEM])
    : [];
  return [own, ...memberTypes(whole, true, path), ...ofItems];
}

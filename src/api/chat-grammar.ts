// Builds the grammar for a chat's output: calls required by tool_choice, calls within free text, or the body's own
// constraint. In each case, the reasoning comes first.

import { RequestError } from "../errors.ts";
import { type AnswerRule, answerGrammar } from "../formats/answer-grammar.ts";
import type { GrammarTool } from "../formats/call-grammar.ts";
import type { MessageParsing } from "../protocol/message-parsing.ts";
import type { EngineInfo } from "../protocol/protocol.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";
import { enforceable } from "./grammar/json-schema.ts";
import { looseSchema } from "./loose-schema.ts";
import { quoted } from "./quote.ts";
import { isObject, type JsonObject } from "./schema/json-value.ts";
import type { ChatBody } from "./schemas.ts";
import { isStrict, type ToolChoice, toolName } from "./tool-choice.ts";

/** Lark grammars for the text input of tools, as written inside a JSON string, by tool name. */
export type ToolInputs = ReadonlyMap<string, NonNullable<GrammarTool["input"]>>;

export interface ChatGrammarInit {
  readonly info: EngineInfo;
  readonly body: Pick<ChatBody, "tools">;
  readonly choice: ToolChoice;
  readonly parsing: MessageParsing | null;
  /** The body's own constraint. */
  readonly asked: GrammarSpec | null;
  readonly inputs: ToolInputs;
  /** Receives a warning for each keyword in a tool's schema that cannot be enforced. */
  readonly warn: (text: string) => void;
}

/**
 * @returns null for free text
 * @throws RequestError "unsupported" if a call is forced but the model's call format is unknown, or "invalid_value" if
 *   one is forced and the output is constrained
 */
export function chatGrammar(init: ChatGrammarInit): GrammarSpec | null {
  const { parsing, asked, choice, info } = init;
  const isForced = choice.kind === "required" || choice.kind === "named";
  if (isForced) checkForced(parsing, asked);
  if (parsing === null) return asked;
  const rule = ruleOf(init, parsing);
  const texts = rule && answerGrammar(parsing, new Map(info.formatTokens), rule);
  if (rule === null || texts === null) return null;
  const param = rule.kind === "grammar" ? rule.grammar.param : isForced ? "tool_choice" : "tools";
  const isOptional = rule.kind === "text_with_calls" && rule.tools.every(isLoose);
  return { kind: "lark", text: texts.otherwise, textAfterOpen: texts.afterOpen, isOptional, param };
}

/**
 * @returns whether calls to the tool may differ from its schema, and it has no grammar of its own
 */
const isLoose = ({ isLenient, input }: GrammarTool): boolean => isLenient && input === undefined;

function ruleOf(init: ChatGrammarInit, parsing: MessageParsing): AnswerRule | null {
  const { choice, asked } = init;
  const { onlyFirstCall } = parsing;
  if (choice.kind === "required" || choice.kind === "named") {
    return { kind: "calls", tools: grammarTools(init), onlyFirstCall };
  }
  const hasTools = choice.kind === "auto" && parsing.toolParser !== null;
  const calls = hasTools ? { tools: grammarTools(init), onlyFirstCall } : null;
  if (asked !== null) return { kind: "grammar", grammar: asked, calls };
  return calls && { kind: "text_with_calls", ...calls };
}

/** @returns the tools that may be called */
function grammarTools({ body, choice, inputs, warn }: ChatGrammarInit): GrammarTool[] {
  const tools = (body.tools ?? []).filter(
    (tool) => choice.kind !== "named" || toolName(tool) === choice.name,
  );
  return tools.map((tool) => {
    const input = inputs.get(toolName(tool));
    return { ...grammarTool(tool, warn), ...(input !== undefined && { input }) };
  });
}

function grammarTool(tool: JsonObject, warn: (text: string) => void): GrammarTool {
  const name = toolName(tool);
  const described = isObject(tool["function"]) ? tool["function"] : {};
  const { parameters } = described;
  // As in vLLM, an empty schema means a tool without parameters, just like a missing one.
  const hasSchema = isObject(parameters) && Object.keys(parameters).length > 0;
  const given = hasSchema ? parameters : { type: "object", properties: {} };
  if (isStrict(tool)) {
    return { name, schema: { ...strictSchema(name, given), type: "object" }, isLenient: false };
  }
  const { schema, removed } = looseSchema(given);
  for (const keyword of removed) {
    warn(`tool ${quoted(name)}: the keyword ${keyword} of its parameters cannot be enforced`);
  }
  return { name, schema: { ...schema, type: "object" }, isLenient: true };
}

/** @throws RequestError "invalid_value", naming the first keyword that cannot be enforced */
function strictSchema(name: string, parameters: JsonObject): JsonObject {
  const { schema, dropped } = enforceable(parameters);
  const [first] = dropped;
  if (first === undefined) return schema;
  const { keyword, path } = first;
  const message = `the parameters of tool ${quoted(name)} cannot be enforced: ${JSON.stringify(keyword)} at ${path}`;
  throw new RequestError("invalid_value", message, "tools");
}

/**
 * A `response_format` is allowed, as in OpenAI's API. It applies to text, and an output that must
 * be a call has none.
 */
function checkForced(parsing: MessageParsing | null, asked: GrammarSpec | null): void {
  if (asked !== null && asked.param !== "response_format") {
    // The text of vLLM's later versions for a named tool; 0.13 drops the constraint.
    const message =
      "You can only either use constraints for structured outputs or tools, not both.";
    throw new RequestError("invalid_value", message, asked.param);
  }
  if ((parsing?.toolParser ?? null) !== null) return;
  const message =
    "`tool_choice` cannot force a call, since the chat template has no known format for calls; set --tool-call-parser.";
  throw new RequestError("unsupported", message, "tool_choice");
}

// Decides how to parse a chat's output.

import { RequestError } from "../errors.ts";
import { TOOL_FORMATS } from "../formats/tool-formats.ts";
import type { Integer } from "../json.ts";
import type { ChatFormat, MessageParsing } from "../protocol/message-parsing.ts";
import { callableTools } from "./callable-tools.ts";
import type { ChatBody } from "./schemas.ts";
import type { ToolChoice } from "./tool-choice.ts";

/** @returns null if the text is to be used unchanged as the content */
export function chatParsing(
  format: ChatFormat,
  body: Pick<ChatBody, "tools" | "stream" | "parallel_tool_calls" | "thinking_token_budget">,
  choice: ToolChoice,
  defaultBudget: number | null,
): MessageParsing | null {
  const thinkingTokenBudget = budgetOf(body.thinking_token_budget, defaultBudget);
  const { reasoningParser } = format;
  const usesTools = choice.kind !== "none";
  const toolParser = usesTools || framesContent(format) ? format.toolParser : null;
  if (toolParser === null && reasoningParser === null) return null;
  const onlyFirstCall = !body.parallel_tool_calls || choice.kind === "named";
  const tools = callableTools(usesTools ? (body.tools ?? []) : [], toolParser);
  const holdsCalls = !body.stream;
  return { tools, toolParser, reasoningParser, holdsCalls, onlyFirstCall, thinkingTokenBudget };
}

/** @returns true if the parser of calls also has to remove text around the content */
function framesContent({ toolParser }: ChatFormat): boolean {
  return toolParser !== null && TOOL_FORMATS[toolParser].contentStart !== undefined;
}

/** @returns null for no limit, which a body expresses as -1 */
function budgetOf(asked: Integer | null, fallback: number | null): number | null {
  if (asked === null) return fallback;
  if (asked < -1) {
    const message = `thinking_token_budget must be -1 or at least 0, got ${asked}.`;
    throw new RequestError("invalid_value", message, "thinking_token_budget");
  }
  return asked === -1 ? null : Number(asked);
}

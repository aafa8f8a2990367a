// Decides how to parse a chat's output.

import type { ChatFormat, MessageParsing } from "../protocol/message-parsing.ts";
import { callableTools } from "./callable-tools.ts";
import type { ChatBody } from "./schemas.ts";
import type { ToolChoice } from "./tool-choice.ts";

/** @returns null if the text is used as the content unchanged */
export function chatParsing(
  format: ChatFormat,
  body: Pick<ChatBody, "tools" | "stream" | "parallel_tool_calls">,
  choice: ToolChoice,
): MessageParsing | null {
  const toolParser = choice.kind === "none" ? null : format.toolParser;
  const { reasoningParser } = format;
  if (toolParser === null && reasoningParser === null) return null;
  const onlyFirstCall = !body.parallel_tool_calls || choice.kind === "named";
  const tools = callableTools(body.tools ?? [], toolParser);
  return { tools, toolParser, reasoningParser, holdsCalls: !body.stream, onlyFirstCall };
}

// Chooses the parsers for a model's output based on the markers in its chat template.

import type { ChatFormat, ReasoningParser, ToolParser } from "../protocol/message-parsing.ts";

/** A parser, and strings that must all appear in a template for the parser to be chosen. */
type Rule<Parser> = readonly [parser: Parser, ...marks: readonly string[]];

/** The first rule that matches the template determines the parser. */
const TOOL_RULES: readonly Rule<ToolParser>[] = [
  ["openai", "<|channel|>", "<|message|>"],
  ["muse_glimmer", "<atem:function_calls>", "<|eom|>"],
  ["gemma4", "<|tool_call>"],
  ["apertus", "<|tools_prefix|>"],
  ["minimax_m3", "]<]minimax[>["],
  // The template formats its markers with the suffix.
  ["hy_v3", "<tool_sep{}>", "':opensource'"],
  ["functiongemma", "<start_function_call>"],
  ["deepseek_v32", "｜DSML｜", "function_calls>"],
  ["deepseek_v4", "｜DSML｜", "tool_calls>"],
  ["deepseek_v3", "<｜tool▁calls▁begin｜>", "```json"],
  ["deepseek_v31", "<｜tool▁calls▁begin｜>"],
  ["kimi_k2", "<|tool_calls_section_begin|>"],
  ["solar_open", "<|tool_call:begin|>", "<|tool_call:args|>"],
  ["kimi_k3", "<|open|>", "<|close|>", "<|end_of_msg|>"],
  ["step3", "<steptml:invoke"],
  ["seed_oss", "<seed:tool_call>"],
  ["minimax_m2", "<minimax:tool_call>"],
  ["longcat", "<longcat_tool_call>"],
  ["glm45", "<tool_call>", "<arg_key>"],
  ["qwen3_coder", "<function=", "<parameter="],
  ["functionary", "<function="],
  ["functionary_v32", "'>>>all"],
  ["minicpm5", '<function name="', '<param name="'],
  ["mistral", "[TOOL_CALLS]"],
  ["granite", "<|tool_call|>"],
  ["internlm", "<|action_start|>"],
  ["gigachat3", "<|function_call|>"],
  ["gigachat3", "'function call'"],
  ["llama4_pythonic", "<|python_start|>"],
  ["lfm2", "<|tool_call_start|>"],
  ["lfm2", "<|tool_list_start|>"],
  ["lfm2", "List of tools: "],
  ["cohere", "<|START_ACTION|>"],
  ["command_r_plus", "Action:", '"tool_name": '],
  ["nemotron_json", "<TOOLCALL>"],
  ["phi4_mini_json", "functools["],
  ["minimax", "<tool_calls>", "<beginning_of_sentence>"],
  ["jamba", "<tool_calls>"],
  ["olmo3", "<function_calls>"],
  ["hermes", "<tool_call>"],
  ["llama3_json", "<|python_tag|>"],
  ["llama3_json", '{"name": function name, "parameters":'],
];

const REASONING_RULES: readonly Rule<ReasoningParser>[] = [
  ["openai_gptoss", "<|channel|>", "<|message|>"],
  ["muse_glimmer", " to=self<|message|>", "<|eom|>"],
  ["gemma4", "<|channel>"],
  ["apertus", "<|inner_prefix|>"],
  ["minimax_m3", "</mm:think>"],
  ["hy_v3", "<think{}>", "':opensource'"],
  ["kimi_k3", "<|open|>", "<|close|>", "<|end_of_msg|>"],
  ["mistral", "[THINK]"],
  ["seed_oss", "<seed:think>"],
  ["solar_open", "<|think|>", "<|begin|>assistant"],
  ["cohere", "<|START_THINKING|>"],
  ["deepseek_r1", "</think>", "<｜Assistant｜>"],
  ["kimi_k2", "</think>", "<|tool_calls_section_begin|>"],
  ["minimax_m2", "</think>", "<minimax:tool_call>"],
  ["glm45", "</think>", "<arg_key>"],
  ["granite", "Here is my thought process:"],
  ["apriel", "[BEGIN FINAL RESPONSE]"],
  ["hunyuan_a13b", "</think>", "<answer>"],
  ["qwen3", "</think>"],
];

/**
 * @param template Jinja template; "" = none
 * @returns the parsers for the output. If the template contains no known call format, the tool parser is "hermes", the
 * most common format among models that were not trained on another one.
 */
export function chatFormatOf(template: string): ChatFormat {
  return {
    toolParser: firstMatch(TOOL_RULES, template) ?? "hermes",
    reasoningParser: firstMatch(REASONING_RULES, template),
  };
}

function firstMatch<Parser>(rules: readonly Rule<Parser>[], template: string): Parser | null {
  const rule = rules.find(([, ...marks]) => marks.every((mark) => template.includes(mark)));
  return rule?.[0] ?? null;
}

// Parsing of generated messages. Parsers have vLLM's names where vLLM has the same parser.

/** Parsers of tool calls. */
export const TOOL_PARSERS = [
  ...(["apertus", "cohere", "command_r_plus", "deepseek_v3", "deepseek_v31"] as const),
  ...(["deepseek_v32", "deepseek_v4", "ernie45", "functionary"] as const),
  ...(["functionary_v32", "functiongemma", "gemma", "gemma4", "gigachat3"] as const),
  ...(["glm45", "glm47", "granite", "granite-20b-fc", "hermes", "hunyuan_a13b"] as const),
  ...(["hy_v3", "internlm", "jamba", "kimi_k2", "kimi_k3", "lfm2", "llama3_json"] as const),
  ...(["llama4_json", "llama4_pythonic", "longcat", "minicpm5", "minimax"] as const),
  ...(["minimax_m2", "minimax_m3", "mistral", "muse_glimmer", "nemotron_json"] as const),
  ...(["olmo3", "openai", "phi4_mini_json", "pythonic", "qwen3_coder"] as const),
  ...(["qwen3_xml", "seed_oss", "solar_open", "step3", "step3p5", "xlam"] as const),
] as const;
export type ToolParser = (typeof TOOL_PARSERS)[number];

/** Parsers of reasoning. */
export const REASONING_PARSERS = [
  ...(["apertus", "apriel", "cohere", "deepseek_r1", "deepseek_v3", "ernie45"] as const),
  ...(["gemma4", "glm45", "glm47", "granite", "holo2", "hunyuan_a13b", "hy_v3"] as const),
  ...(["kimi_k2", "kimi_k3", "minimax_m2", "minimax_m3", "mistral"] as const),
  ...(["muse_glimmer", "nemotron_v3", "olmo3", "openai_gptoss", "qwen3"] as const),
  ...(["seed_oss", "solar_open", "step3", "step3p5"] as const),
] as const;
export type ReasoningParser = (typeof REASONING_PARSERS)[number];

/** Parsers for a model's output; null = none. */
export interface ChatFormat {
  readonly toolParser: ToolParser | null;
  readonly reasoningParser: ReasoningParser | null;
}

/** Format of a model that generates only plain text. */
export const PLAIN_TEXT: ChatFormat = { toolParser: null, reasoningParser: null };

/** A tool in the form that its calls' parser needs. */
export interface CallableTool {
  readonly name: string;
  /**
   * JSON types that each parameter can have, for formats that write values as plain text; empty = any. The name of a
   * value within a parameter is a path, with tags separated by line breaks.
   */
  readonly parameters: readonly (readonly [name: string, types: readonly string[]])[];
}

/** Parsing of one request's output. If a parser is null, its part of the format stays in the text. */
export interface MessageParsing extends ChatFormat {
  readonly tools: readonly CallableTool[];
  /** Passes on only complete calls with valid arguments; the text of any other call is content. */
  readonly holdsCalls: boolean;
  /** Ends the message after its first call. */
  readonly onlyFirstCall: boolean;
  /** Reasoning tokens after which the reasoning is ended; null = no limit. */
  readonly thinkingTokenBudget: number | null;
}

// The package "pagoda": runs a model in the caller's process. Importing it starts nothing and loads no HTTP server.

export type { Generation } from "./generation.ts";
export { type CloseReason, LLM, type LoadLoraOptions, type SleepOptions } from "./llm.ts";
export type { FamilySnapshot, HistogramSample, MetricsView, Sample } from "./metrics-view.ts";
export type { ModelCard } from "./model-card.ts";
export type {
  BatchOptions,
  CallOptions,
  ChatOptions,
  GenerateOptions,
  LoadOptions,
  Message,
  Prompt,
} from "./options.ts";
export type {
  ChatMessage,
  ChatResult,
  CustomCall,
  DecodedLogprob,
  FinishReason,
  FunctionCall,
  GeneratedChoice,
  GenerateResult,
  PositionLogprobs,
  TextDelta,
  TokenLogprob,
  ToolCall,
  Usage,
} from "./results.ts";
export type { RenderedChat, Tokenizer } from "./tokenizer.ts";

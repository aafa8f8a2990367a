// The parsers that chatFormatOf() selects for each chat template in the pinned llama.cpp.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chatFormatOf } from "../../src/formats/chat-format.ts";

const TEMPLATES = join(import.meta.dir, "../../third_party/llama.cpp/models/templates");

/** Template names without ".jinja", by tool parser and reasoning parser. */
const FORMATS: Readonly<Record<string, string>> = {
  "Apertus-8B-Instruct": "apertus apertus",
  "Apriel-1.6-15b-Thinker-fixed": "jamba apriel",
  "Bielik-11B-v3.0-Instruct": "hermes qwen3",
  "ByteDance-Seed-OSS": "seed_oss seed_oss",
  Cohere2MoE: "cohere cohere",
  "CohereForAI-c4ai-command-r-plus-tool_use": "command_r_plus null",
  "CohereForAI-c4ai-command-r7b-12-2024-tool_use": "cohere cohere",
  "GLM-4.6": "glm45 glm45",
  "GLM-4.7-Flash": "glm45 glm45",
  "GigaChat3-10B-A1.8B": "gigachat3 null",
  "GigaChat3.1-10B-A1.8B": "gigachat3 null",
  "HuggingFaceTB-SmolLM3-3B": "hermes qwen3",
  "Kimi-K2-Instruct": "kimi_k2 null",
  "Kimi-K2-Thinking": "kimi_k2 kimi_k2",
  "Kimi-K3": "kimi_k3 kimi_k3",
  "LFM2-8B-A1B": "lfm2 null",
  "LFM2.5-8B-A1B": "lfm2 qwen3",
  "LFM2.5-Instruct": "lfm2 qwen3",
  "MiMo-VL": "hermes null",
  "MiniMax-M1": "minimax null",
  "MiniMax-M2": "minimax_m2 minimax_m2",
  "MiniMax-M3": "minimax_m3 minimax_m3",
  "Mistral-Small-3.2-24B-Instruct-2506": "mistral null",
  "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": "qwen3_coder qwen3",
  "NVIDIA-Nemotron-Nano-v2": "nemotron_json qwen3",
  "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": "hermes null",
  "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": "hermes null",
  "Qwen-QwQ-32B": "hermes qwen3",
  "Qwen-Qwen2.5-7B-Instruct": "hermes null",
  "Qwen-Qwen3-0.6B": "hermes qwen3",
  "Qwen3-Coder": "qwen3_coder null",
  "Qwen3.5-4B": "qwen3_coder qwen3",
  "Reka-Edge": "hermes qwen3",
  "Spark2.5": "glm45 glm45",
  "StepFun3.5-Flash": "qwen3_coder qwen3",
  "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": "deepseek_v3 deepseek_r1",
  "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": "deepseek_v3 deepseek_r1",
  "deepseek-ai-DeepSeek-V3.1": "deepseek_v31 deepseek_r1",
  "deepseek-ai-DeepSeek-V3.2": "deepseek_v32 deepseek_r1",
  "deepseek-ai-DeepSeek-V4-Flash-0731": "deepseek_v4 deepseek_r1",
  "deepseek-ai-DeepSeek-V4": "deepseek_v4 deepseek_r1",
  "fireworks-ai-llama-3-firefunction-v2": "phi4_mini_json null",
  "google-gemma-2-2b-it": "hermes null",
  "google-gemma-4-31B-it-interleaved": "gemma4 gemma4",
  "google-gemma-4-31B-it": "gemma4 gemma4",
  "ibm-granite-granite-3.3-2B-Instruct": "granite qwen3",
  "ibm-granite-granite-4.0": "hermes null",
  "ibm-granite-granite-4.1": "hermes null",
  "inclusionai-ling-3.0-flash": "glm45 glm45",
  "llama-cpp-deepseek-r1": "deepseek_v3 deepseek_r1",
  "llama-cpp-rwkv-world": "hermes qwen3",
  "meetkai-functionary-medium-v3.1": "functionary null",
  "meetkai-functionary-medium-v3.2": "functionary_v32 null",
  "meta-llama-Llama-3.1-8B-Instruct": "llama3_json null",
  "meta-llama-Llama-3.2-3B-Instruct": "llama3_json null",
  "meta-llama-Llama-3.3-70B-Instruct": "llama3_json null",
  "microsoft-Phi-3.5-mini-instruct": "hermes null",
  "mistralai-Ministral-3-14B-Reasoning-2512": "mistral mistral",
  "mistralai-Mistral-Nemo-Instruct-2407": "mistral null",
  "moonshotai-Kimi-K2": "kimi_k2 null",
  "muse-glimmer": "muse_glimmer muse_glimmer",
  "openai-gpt-oss-120b": "openai openai_gptoss",
  "openbmb-MiniCPM5-1B": "minicpm5 qwen3",
  "poolside-Laguna-S-2.1": "glm45 glm45",
  "poolside-Laguna-XS-2.1": "glm45 glm45",
  "poolside-Laguna-XS.2": "glm45 glm45",
  "tencent-Hy3": "hy_v3 hy_v3",
  "unsloth-Apriel-1.5": "jamba apriel",
  "unsloth-mistral-Devstral-Small-2507": "mistral null",
  "upstage-Solar-Open-100B": "solar_open solar_open",
};

const names = readdirSync(TEMPLATES)
  .filter((name) => name.endsWith(".jinja"))
  .map((name) => name.replace(/\.jinja$/, ""))
  .sort();

describe("a template's format", () => {
  test.each(names)("%s", (name) => {
    const template = readFileSync(join(TEMPLATES, `${name}.jinja`), "utf8");
    const { toolParser, reasoningParser } = chatFormatOf(template);
    expect(`${toolParser} ${reasoningParser}`).toBe(FORMATS[name] ?? "untested");
  });

  test("is Hunyuan's if answers have tags", () => {
    const template = "{{ content.split('</think>')[-1].split('<answer>')[-1] }}<tool_calls>";
    const format = { toolParser: "jamba", reasoningParser: "hunyuan_a13b" };
    expect(chatFormatOf(template)).toEqual(format as never);
  });

  test("defaults to hermes without reasoning for a model without a template", () => {
    expect(chatFormatOf("")).toEqual({ toolParser: "hermes", reasoningParser: null });
  });
});

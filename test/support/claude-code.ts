// Requests in the form that Claude Code sends: headers, query, system blocks, tools, and the fields that only
// Anthropic's own API accepts.

import type Anthropic from "@anthropic-ai/sdk";

export const CLAUDE_CODE_HEADERS = {
  "anthropic-version": "2023-06-01",
  "anthropic-beta":
    "claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14," +
    "context-management-2025-06-27,mid-conversation-system-2026-04-07,effort-2025-11-24",
  "user-agent": "claude-cli/2.1.197 (external, cli)",
  "x-app": "cli",
  "x-claude-code-session-id": "5a0f2f5e-3f0b-4d8a-9d0e-0d1c2b3a4f5e",
};

/** Billing block, which changes with each request. */
const billing = (hash: string) => ({
  type: "text",
  text: `x-anthropic-billing-header: cc_version=2.1.197.${hash}; cc_entrypoint=cli; cch=${hash};`,
});

const cache_control = { type: "ephemeral", ttl: "1h" };

const SYSTEM =
  "You are an agent for software work in a terminal. Read before you edit, run the tests, and be brief. ".repeat(
    20,
  );

const tool = (name: string, description: string, parameters: readonly string[]) => ({
  name,
  description,
  input_schema: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: Object.fromEntries(
      parameters.map((parameter) => [parameter, { description: parameter, type: "string" }]),
    ),
    required: parameters,
    additionalProperties: false,
  },
  eager_input_streaming: true,
});

const TOOLS = [
  tool("Read", "Reads a file from the local filesystem.", ["file_path"]),
  tool("Edit", "Replaces a text in a file.", ["file_path", "old_string", "new_string"]),
  { ...tool("Bash", "Runs a command.", ["command"]), cache_control },
  { ...tool("mcp__docs__search", "Searches the docs.", ["query"]), defer_loading: true },
  { type: "web_search_20250305", name: "web_search", max_uses: 8 },
];

const AGENTS = {
  role: "system",
  content: "Available agent types for the Agent tool: claude, explore.",
};

/** @param hash of the billing block */
export function claudeCodeBody(messages: readonly Anthropic.MessageParam[], hash = "a1b") {
  return {
    model: "claude-sonnet-4-6",
    // After the user's first message, Claude Code lists its capabilities.
    messages: [...messages.slice(0, 1), AGENTS, ...messages.slice(1)],
    system: [
      billing(hash),
      {
        type: "text",
        text: "You are Claude Code, Anthropic's official CLI for Claude.",
        cache_control,
      },
      { type: "text", text: SYSTEM, cache_control },
    ],
    tools: TOOLS,
    metadata: { user_id: "user_0a1b_account__session_5a0f2f5e" },
    max_tokens: 32_000,
    thinking: { type: "adaptive" },
    context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
    output_config: { effort: "medium" },
    stream: true,
  };
}

/** The API client's types do not cover everything that the program sends. */
export function claudeCodeParams(...args: Parameters<typeof claudeCodeBody>) {
  const { stream: _, ...params } = claudeCodeBody(...args);
  return params as unknown as Anthropic.MessageStreamParams;
}

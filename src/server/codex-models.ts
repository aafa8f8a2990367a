// Entries in the model list that Codex reads from GET /v1/models. If a member that its version requires is missing,
// Codex drops the whole list (openai/codex#37122), so the entries contain the members that any version requires.

/** Codex sends this text as its instructions for the model. If the text were empty, Codex would send none. */
const INSTRUCTIONS = `You are a coding agent. You work in the user's repository, on their machine, with the tools you are given.

- Read the files that a task concerns before you change anything. Prefer rg to grep.
- Make the smallest change that solves the task, in the style of the code around it.
- Edit files with apply_patch if you have it, and run everything else in the shell.
- Never undo changes that you did not make, and never run destructive commands unless the user asked for them.
- Run the tests that cover your change. If they fail, fix the cause.
- Keep going until the task is done. Then say in a few sentences what you changed and what you could not verify.`;

/** Number of tokens that Codex keeps of a tool's output. */
const MAX_TOOL_OUTPUT = 10_000;

export function codexModel(name: string, contextWindow: number): object {
  return {
    slug: name,
    display_name: name,
    description: null,
    default_reasoning_level: null,
    supported_reasoning_levels: [],
    shell_type: "default",
    visibility: "list",
    supported_in_api: true,
    priority: 0,
    additional_speed_tiers: [],
    service_tiers: [],
    default_service_tier: null,
    availability_nux: null,
    upgrade: null,
    base_instructions: INSTRUCTIONS,
    model_messages: null,
    supports_reasoning_summaries: false,
    default_reasoning_summary: "none",
    support_verbosity: false,
    default_verbosity: null,
    apply_patch_tool_type: "freeform",
    web_search_tool_type: "text",
    truncation_policy: { mode: "tokens", limit: MAX_TOOL_OUTPUT },
    supports_parallel_tool_calls: true,
    supports_image_detail_original: false,
    supports_search_tool: false,
    context_window: contextWindow,
    max_context_window: contextWindow,
    auto_compact_token_limit: null,
    effective_context_window_percent: 95,
    experimental_supported_tools: [],
    input_modalities: ["text"],
  };
}

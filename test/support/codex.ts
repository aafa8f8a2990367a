// Requests in the form that Codex sends: tools and items of all types, with nothing stored.

import type OpenAI from "openai";

export type CodexItem = Readonly<Record<string, unknown>> & { readonly type: string };

const INSTRUCTIONS = "You are a coding agent in a terminal. Edit files with apply_patch. ".repeat(
  20,
);

/** Codex's grammar for patches. */
export const PATCH_GRAMMAR = `start: begin_patch hunk+ end_patch
begin_patch: "*** Begin Patch" LF
end_patch: "*** End Patch" LF?

hunk: add_hunk | delete_hunk | update_hunk
add_hunk: "*** Add File: " filename LF add_line+
delete_hunk: "*** Delete File: " filename LF
update_hunk: "*** Update File: " filename LF change_move? change?

filename: /(.+)/
add_line: "+" /(.*)/ LF -> line

change_move: "*** Move to: " filename LF
change: (change_context | change_line)+ eof_line?
change_context: ("@@" | "@@ " /(.+)/) LF
change_line: ("+" | "-" | " ") /(.*)/ LF
eof_line: "*** End of File" LF

%import common.LF
`;

const command = {
  type: "object",
  properties: { cmd: { type: "string", description: "Shell command." } },
  required: ["cmd"],
  additionalProperties: false,
};

/** One tool of each type that Codex supports. */
export const CODEX_TOOLS = [
  {
    type: "function",
    name: "exec_command",
    description: "Runs a command.",
    strict: false,
    parameters: command,
  },
  {
    type: "custom",
    name: "apply_patch",
    description: "Edits files. This is a FREEFORM tool, so do not wrap the patch in JSON.",
    format: { type: "grammar", syntax: "lark", definition: PATCH_GRAMMAR },
  },
  {
    type: "namespace",
    name: "mcp__files",
    description: "Tools in the mcp__files namespace.",
    tools: [
      {
        ...{ type: "function", name: "read", description: "Reads a file.", strict: false },
        parameters: {
          type: "object",
          properties: { path: { type: "string" } },
          required: ["path"],
        },
      },
    ],
  },
  { type: "web_search", external_web_access: true },
  { type: "image_generation", output_format: "png" },
  { type: "tool_search", execution: "client", parameters: { type: "object", properties: {} } },
  { type: "local_shell" },
];

export const codexMessage = (role: string, text: string): CodexItem => ({
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
});

export function codexBody(input: readonly CodexItem[]) {
  return {
    model: "tiny",
    instructions: INSTRUCTIONS,
    input: [
      codexMessage("developer", "<permissions>workspace-write</permissions>"),
      codexMessage("user", "<environment_context><cwd>/repo</cwd></environment_context>"),
      ...input,
    ],
    tools: CODEX_TOOLS,
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { effort: "medium", summary: "auto" },
    store: false,
    stream: true,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "0196f3a8-7f0c-7e21-9d0e-5a0f2f5e3f0b",
    text: { verbosity: "low" },
    client_metadata: { "x-codex-installation-id": "5a0f2f5e" },
  };
}

/** The API client's types do not cover everything that the program sends. */
export function codexParams(input: readonly CodexItem[]) {
  return codexBody(input) as unknown as OpenAI.Responses.ResponseCreateParamsStreaming;
}

// A complete opencode session, using its wire format and its client library (Vercel's provider for
// OpenAI-compatible servers): it reads a file, edits it, runs the tests and answers, on a fake
// model that writes Qwen's format.

import { afterAll, describe, expect, test } from "bun:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { jsonSchema, type ModelMessage, streamText, type ToolSet, tool } from "ai";
import { AgentFiles } from "../support/agent-files.ts";
import { startFakeServer } from "../support/fake-server.ts";

const server = await startFakeServer({
  chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  scheduler: { maxModelLen: 16_384, numBlocks: 2100, maxNumBatchedTokens: 8192 },
});
afterAll(() => server.stop());

const bodies: Record<string, unknown>[] = [];
const provider = createOpenAICompatible({
  name: "pagoda",
  baseURL: `${server.url}/v1`,
  includeUsage: true,
  fetch: Object.assign(
    (url: string | URL | Request, init?: RequestInit) => {
      bodies.push(JSON.parse(String(init?.body)));
      return fetch(url, init);
    },
    { preconnect: fetch.preconnect },
  ),
});

const call = (name: string, input: object) =>
  `<tool_call>\n${JSON.stringify({ name, arguments: input })}\n</tool_call>`;

/** Text that the model writes in each turn. */
const TURNS = [
  `<think>\nThe file first.\n</think>\n\nI read it.\n${call("read", { filePath: "add.ts" })}`,
  `${call("edit", { filePath: "add.ts", oldString: "a - b", newString: "a + b" })}\n${call("bash", {
    command: "bun test",
  })}`,
  "Fixed: the sum is a sum now.",
];

const strings = (...names: readonly string[]) =>
  jsonSchema<Record<string, string>>({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: Object.fromEntries(
      names.map((name) => [name, { type: "string", description: name }]),
    ),
    required: [...names],
    additionalProperties: false,
  });

/** Tools that the program runs itself. */
const TOOLS: ToolSet = {
  read: tool({ description: "Reads a file.", inputSchema: strings("filePath") }),
  edit: tool({
    description: "Edits a file.",
    inputSchema: strings("filePath", "oldString", "newString"),
  }),
  bash: tool({ description: "Runs a command.", inputSchema: strings("command") }),
};

function run(files: AgentFiles, name: string, input: Record<string, string>): string {
  const { filePath = "", oldString = "", newString = "", command = "" } = input;
  if (name === "read") return files.read(filePath);
  if (name === "bash") return files.run(command);
  files.edit(filePath, oldString, newString);
  return "";
}

const SYSTEM = [
  "You are opencode, an agent in a terminal. ".repeat(20),
  "Working directory: /repo",
];

describe("an opencode session", () => {
  test("reads a file, edits it, runs the tests, and answers", async () => {
    const files = new AgentFiles({ "add.ts": "export const add = (a, b) => a - b;" });
    const history: ModelMessage[] = [{ role: "user", content: "add() subtracts. Fix it." }];
    const reasons: string[] = [];
    const cached: number[] = [];
    let said = "";
    for (const turn of TURNS) {
      server.runner.answers(turn);
      const errors: unknown[] = [];
      const result = streamText({
        model: provider("tiny"),
        system: SYSTEM.map((content) => ({ role: "system" as const, content })),
        messages: history,
        tools: TOOLS,
        maxOutputTokens: 8000,
        onError: ({ error }) => errors.push(error),
      });
      said += await result.text;
      expect(errors).toEqual([]);
      reasons.push(await result.finishReason);
      const { inputTokens = 1, inputTokenDetails } = await result.usage;
      cached.push((inputTokenDetails.cacheReadTokens ?? 0) / inputTokens);
      history.push(...(await result.response).messages);
      const calls = await result.toolCalls;
      const results = calls.map(({ toolCallId, toolName, input }) => {
        const value = run(files, toolName, input as Record<string, string>);
        return {
          type: "tool-result" as const,
          toolCallId,
          toolName,
          output: { type: "text" as const, value },
        };
      });
      if (results.length > 0) history.push({ role: "tool", content: results });
    }
    expect(files.run("bun test")).toBe("1 pass");
    expect(reasons).toEqual(["tool-calls", "tool-calls", "stop"]);
    expect(said).toBe("I read it.Fixed: the sum is a sum now.");
    expect(cached[2]).toBeGreaterThan(0.9);
  });

  test("was configured in the form that opencode uses", () => {
    const { messages, tools, stream, stream_options } = bodies[2] as {
      messages: { role: string; reasoning_content?: string; content: unknown }[];
      tools: { function: { parameters: object } }[];
      stream: boolean;
      stream_options: object;
    };
    expect([stream, stream_options, tools.length]).toEqual([true, { include_usage: true }, 3]);
    expect(messages.map(({ role }) => role)).toEqual([
      ...["system", "system", "user", "assistant", "tool", "assistant", "tool", "tool"],
    ]);
    expect(messages[3]?.reasoning_content).toBe("The file first.");
  });
});

// A complete Claude Code session, using its wire format and its client library: it reads a file,
// edits it, runs the tests and answers, on a fake model that writes Qwen's format.

import { afterAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { AgentFiles } from "../support/agent-files.ts";
import { CLAUDE_CODE_HEADERS, claudeCodeBody, claudeCodeParams } from "../support/claude-code.ts";
import { startFakeServer } from "../support/fake-server.ts";

const server = await startFakeServer({
  chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  scheduler: { maxModelLen: 16_384, numBlocks: 2100, maxNumBatchedTokens: 8192 },
});
const client = new Anthropic({
  baseURL: server.url,
  apiKey: "unused",
  maxRetries: 0,
  defaultHeaders: CLAUDE_CODE_HEADERS,
});
afterAll(() => server.stop());

const call = (name: string, input: object) =>
  `<tool_call>\n${JSON.stringify({ name, arguments: input })}\n</tool_call>`;

/** Text that the model writes in each turn. */
const TURNS = [
  `<think>\nThe file first.\n</think>\n\nI read it.\n${call("Read", { file_path: "add.ts" })}`,
  `<think>\nMinus is wrong.\n</think>\n\n${call("Edit", {
    ...{ file_path: "add.ts", old_string: "a - b", new_string: "a + b" },
  })}\n${call("Bash", { command: "bun test" })}`,
  "<think>\nDone.\n</think>\n\nFixed: the sum is a sum now.",
];

function runTool(files: AgentFiles, { name, input }: Anthropic.ToolUseBlock): string {
  const {
    file_path = "",
    old_string = "",
    new_string = "",
    command = "",
  } = input as Record<string, string>;
  if (name === "Read") return files.read(file_path);
  if (name === "Bash") return files.run(command);
  files.edit(file_path, old_string, new_string);
  return `The file ${file_path} has been updated.`;
}

/** Acts as Claude Code until the model stops calling tools. */
async function session(files: AgentFiles, prompt: string) {
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: prompt }];
  const answers: Anthropic.Message[] = [];
  for (const [i, turn] of TURNS.entries()) {
    server.runner.answers(turn);
    const answer = await client.messages.stream(claudeCodeParams(messages, `h${i}`)).finalMessage();
    answers.push(answer);
    messages.push({ role: "assistant", content: answer.content });
    const calls = answer.content.filter((block) => block.type === "tool_use");
    const results = calls.map((block): Anthropic.ToolResultBlockParam => {
      const content = [{ type: "text" as const, text: runTool(files, block) }];
      return { type: "tool_result", tool_use_id: block.id, content };
    });
    if (results.length > 0) messages.push({ role: "user", content: results });
  }
  return { answers, messages };
}

describe("a Claude Code session", () => {
  test("reads a file, edits it, runs the tests, and answers", async () => {
    const files = new AgentFiles({ "add.ts": "export const add = (a, b) => a - b;" });
    const { answers } = await session(files, "add() subtracts. Fix it.");
    expect(files.run("bun test")).toBe("1 pass");
    // Claude Code drops the thinking in an answer from any other model.
    expect(answers.map(({ model }) => model)).toEqual(Array(3).fill("claude-sonnet-4-6"));
    expect(answers.map(({ stop_reason }) => stop_reason)).toEqual([
      "tool_use",
      "tool_use",
      "end_turn",
    ]);
    const kinds = answers.map(({ content }) => content.map(({ type }) => type));
    expect(kinds).toEqual([
      ["thinking", "text", "tool_use"],
      ["thinking", "tool_use", "tool_use"],
      ["thinking", "text"],
    ]);
    const thoughts = answers.flatMap(({ content }) =>
      content.filter(({ type }) => type === "thinking"),
    );
    for (const block of thoughts)
      expect(block).toMatchObject({ signature: expect.stringMatching(/./) });
    expect(answers[2]?.content[1]).toMatchObject({ text: "Fixed: the sum is a sum now." });
  });

  test("reuses at least 95% of the previous turn from the cache, even though one block changes", async () => {
    const files = new AgentFiles({ "add.ts": "export const add = (a, b) => a - b;" });
    const { answers } = await session(files, "Once more, please: add() subtracts.");
    const [first, second] = answers.map(({ usage }) => usage);
    const total = (first?.input_tokens ?? 0) + (first?.cache_read_input_tokens ?? 0);
    expect((second?.cache_read_input_tokens ?? 0) / total).toBeGreaterThanOrEqual(0.95);
  });

  test("streams thinking, text, and two tools in order", async () => {
    server.runner.answers(
      `<think>\nHm.\n</think>\n\nSo.\n${call("Read", {})}\n${call("Bash", {})}`,
    );
    const response = await fetch(`${server.url}/v1/messages?beta=true`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": "x", ...CLAUDE_CODE_HEADERS },
      body: JSON.stringify(claudeCodeBody([{ role: "user", content: "go" }])),
    });
    const names = [...(await response.text()).matchAll(/^event: (.*)$/gm)].map(
      ([, name]) => name ?? "",
    );
    const distinct = names.filter((name, i) => name !== names[i - 1]);
    const block = ["content_block_start", "content_block_delta", "content_block_stop"];
    expect(distinct).toEqual([
      "message_start",
      ...[...block, ...block, ...block, ...block],
      "message_delta",
      "message_stop",
    ]);
  });

  test("can have a system message in the middle of the conversation", async () => {
    server.runner.answers("Noted.");
    const messages = [
      { role: "user", content: "hi" },
      { role: "assistant", content: "hello" },
      { role: "system", content: [{ type: "text", text: "The user opened add.ts." }] },
      { role: "user", content: "go on" },
    ] as unknown as Anthropic.MessageParam[];
    const { content } = await client.messages.stream(claudeCodeParams(messages)).finalMessage();
    expect(content).toMatchObject([{ type: "text", text: "Noted." }]);
  });

  test("counts tokens of requests with the same fields", async () => {
    const {
      max_tokens: _,
      stream: __,
      ...body
    } = claudeCodeBody([{ role: "user", content: "hi" }]);
    const response = await fetch(`${server.url}/v1/messages/count_tokens?beta=true`, {
      method: "POST",
      headers: { "content-type": "application/json", ...CLAUDE_CODE_HEADERS },
      body: JSON.stringify(body),
    });
    expect(await response.json()).toEqual({ input_tokens: expect.any(Number) });
  });
});

// A complete Codex session, using its wire format and OpenAI's client library: it reads a file,
// patches it, runs the tests and answers, on a fake model that writes Qwen's format.

import { afterAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { AgentFiles } from "../support/agent-files.ts";
import { type CodexItem, codexBody, codexMessage, codexParams } from "../support/codex.ts";
import { startFakeServer } from "../support/fake-server.ts";

const server = await startFakeServer({
  chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  scheduler: { maxModelLen: 16_384, numBlocks: 2100, maxNumBatchedTokens: 8192 },
});
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
afterAll(() => server.stop());

const call = (name: string, input: object) =>
  `<tool_call>\n${JSON.stringify({ name, arguments: input })}\n</tool_call>`;

const PATCH = `*** Begin Patch
*** Update File: add.ts
@@
-export const add = (a, b) => a - b;
+export const add = (a, b) => a + b;
*** End Patch
`;

/** Text that the model writes in each turn. */
const TURNS = [
  `<think>\nThe file first.\n</think>\n\n${call("mcp__files__read", { path: "add.ts" })}`,
  `<think>\nMinus is wrong.\n</think>\n\nI patch it.\n${call("apply_patch", { input: PATCH })}`,
  call("exec_command", { cmd: "bun test" }),
  "Fixed: the sum is a sum now.",
];

/** The output of an item that calls a tool; null for any other item. */
function outputOf(files: AgentFiles, item: CodexItem): CodexItem | null {
  const { type, call_id } = item;
  if (type === "custom_tool_call") {
    files.patch(String(item["input"]));
    return { type: "custom_tool_call_output", call_id, output: "Success. Updated: add.ts" };
  }
  if (type !== "function_call") return null;
  const { path, cmd } = JSON.parse(String(item["arguments"])) as Record<string, string>;
  expect([item["namespace"], item["name"]]).toEqual(
    path === undefined ? [undefined, "exec_command"] : ["mcp__files", "read"],
  );
  const output =
    path === undefined ? files.run(cmd ?? "") : [{ type: "input_text", text: files.read(path) }];
  return { type: "function_call_output", call_id, output };
}

/** Items as Codex keeps them: only the parts that it knows, as they arrived in events. */
async function turnOf(input: readonly CodexItem[]) {
  const items: CodexItem[] = [];
  const seen: string[] = [];
  let usage: OpenAI.Responses.ResponseUsage | undefined;
  for await (const event of await client.responses.create(codexParams(input))) {
    seen.push(event.type);
    if (event.type === "response.output_item.done") items.push(event.item as unknown as CodexItem);
    if (event.type === "response.completed") usage = event.response.usage;
  }
  expect(seen.at(-1)).toBe("response.completed");
  return { items, seen, usage };
}

describe("a Codex session", () => {
  test("reads a file, patches it, runs the tests, and answers", async () => {
    const files = new AgentFiles({ "add.ts": "export const add = (a, b) => a - b;" });
    const history: CodexItem[] = [codexMessage("user", "add() subtracts. Fix it.")];
    const cached: number[] = [];
    for (const turn of TURNS) {
      server.runner.answers(turn);
      const { items, usage } = await turnOf(history);
      cached.push((usage?.input_tokens_details.cached_tokens ?? 0) / (usage?.input_tokens ?? 1));
      const outputs = items.flatMap((item) => outputOf(files, item) ?? []);
      history.push(...items, ...outputs);
    }
    expect(files.run("bun test")).toBe("1 pass");
    expect(history.map(({ type }) => type)).toEqual([
      "message",
      ...["reasoning", "function_call", "function_call_output"],
      ...["reasoning", "message", "custom_tool_call", "custom_tool_call_output"],
      ...["function_call", "function_call_output", "message"],
    ]);
    expect(cached[3]).toBeGreaterThan(0.9);
  });

  test("streams the patch as it is written, and never before its item", async () => {
    server.runner.answers(call("apply_patch", { input: PATCH }));
    const { seen, items } = await turnOf([codexMessage("user", "patch")]);
    expect(items).toMatchObject([{ type: "custom_tool_call", name: "apply_patch", input: PATCH }]);
    const distinct = seen.filter((type, i) => type !== seen[i - 1]);
    expect(distinct).toEqual(
      ["created", "in_progress", "output_item.added", "custom_tool_call_input.delta"]
        .concat(["custom_tool_call_input.done", "output_item.done", "completed"])
        .map((name) => `response.${name}`),
    );
  });

  test("can send back every kind of item", async () => {
    server.runner.answers("Fine.");
    const items: CodexItem[] = [
      { type: "reasoning", summary: [], encrypted_content: "gAAAAA==" },
      { type: "reasoning" },
      { type: "local_shell_call", call_id: "l", status: "completed", action: { type: "exec" } },
      { type: "web_search_call", status: "completed", action: { type: "search", query: "q" } },
      { type: "additional_tools", tools: [{ type: "function", name: "late", parameters: {} }] },
      { type: "tool_search_call", call_id: "t", execution: "client", arguments: {} },
      { type: "tool_search_output", call_id: "t", execution: "client", tools: [] },
      { type: "compaction", encrypted_content: "x" },
      {
        type: "function_call_output",
        call_id: "gone",
        output: "result of a call that is not there",
      },
      { type: "something_new" },
    ];
    expect((await turnOf([codexMessage("user", "go"), ...items])).items).toMatchObject([
      { type: "message", content: [{ text: "Fine." }] },
    ]);
  });

  test("gets responses to a probe and to requests without a model name", async () => {
    server.runner.answers("ok");
    const { model: _, ...nameless } = codexBody([codexMessage("user", "go")]);
    const probe = { input: [], max_output_tokens: 1, store: false };
    for (const body of [nameless, probe]) {
      const response = await fetch(`${server.url}/v1/responses`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(200);
      await response.text();
    }
  });
});

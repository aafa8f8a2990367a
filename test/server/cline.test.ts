// A complete Cline session, using its wire format and OpenAI's client library: tools are XML in the
// text, which the parser of the model's own calls must not change, and content is sent as lists of
// parts.

import { afterAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { AgentFiles } from "../support/agent-files.ts";
import { startFakeServer } from "../support/fake-server.ts";

const server = await startFakeServer({
  chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  scheduler: { maxModelLen: 16_384, numBlocks: 2100, maxNumBatchedTokens: 8192 },
});
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
afterAll(() => server.stop());

type Message = OpenAI.ChatCompletionMessageParam;

const SYSTEM =
  "You are an agent for software work. Tools are formatted in XML-style tags: <read_file><path>...</path></read_file> ".repeat(
    10,
  );

/** Text that the model writes in each turn. */
const TURNS = [
  "<think>\nThe file first.\n</think>\n\nI read it.\n\n<read_file>\n<path>add.ts</path>\n</read_file>",
  `<replace_in_file>
<path>add.ts</path>
<diff>
------- SEARCH
a - b
=======
a + b
+++++++ REPLACE
</diff>
</replace_in_file>`,
  "<execute_command>\n<command>bun test</command>\n<requires_approval>false</requires_approval>\n</execute_command>",
  "<attempt_completion>\n<result>Fixed: the sum is a sum now.</result>\n</attempt_completion>",
];

const tag = (text: string, name: string) =>
  new RegExp(`<${name}>\\n?([\\s\\S]*?)\\n?</${name}>`).exec(text)?.[1] ?? null;

/** Runs the tool that the text calls. @returns null at the end of the task */
function runTool(files: AgentFiles, text: string): string | null {
  const path = tag(text, "path") ?? "";
  if (tag(text, "attempt_completion") !== null) return null;
  const command = tag(text, "command");
  if (command !== null) return `[execute_command] Result:\n${files.run(command)}`;
  const diff = tag(text, "diff");
  if (diff === null) return `[read_file for '${path}'] Result:\n${files.read(path)}`;
  const [, search = "", replacement = ""] =
    /SEARCH\n([\s\S]*)\n=======\n([\s\S]*)\n\+/.exec(diff) ?? [];
  files.edit(path, search, replacement);
  return `[replace_in_file for '${path}'] Result:\nThe content was saved.`;
}

const userMessage = (...texts: readonly string[]): Message => ({
  role: "user",
  content: texts.map((text) => ({ type: "text", text })),
});

async function turnOf(history: readonly Message[]) {
  const stream = await client.chat.completions.create({
    model: "tiny",
    messages: [{ role: "system", content: SYSTEM }, ...history],
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let thoughts = "";
  let usage: OpenAI.CompletionUsage | null = null;
  for await (const chunk of stream) {
    const delta = chunk.choices[0]?.delta as
      | { content?: string; reasoning_content?: string }
      | undefined;
    text += delta?.content ?? "";
    thoughts += delta?.reasoning_content ?? "";
    usage = chunk.usage ?? usage;
  }
  return { text, thoughts, usage };
}

describe("a Cline session", () => {
  test("reads a file, edits it, runs the tests, and answers", async () => {
    const files = new AgentFiles({ "add.ts": "export const add = (a, b) => a - b;" });
    const history: Message[] = [
      userMessage(
        "<task>\nadd() subtracts. Fix it.\n</task>",
        "<environment_details>\n</environment_details>",
      ),
    ];
    const thoughts: string[] = [];
    for (const turn of TURNS) {
      server.runner.answers(turn);
      const { text, thoughts: thought, usage } = await turnOf(history);
      thoughts.push(thought);
      expect(text).toBe(turn.replace(/^<think>[\s\S]*<\/think>\n\n/, ""));
      expect(usage?.completion_tokens).toBeGreaterThan(0);
      history.push({ role: "assistant", content: [{ type: "text", text }] });
      const result = runTool(files, text);
      if (result !== null)
        history.push(userMessage(result, "<environment_details>\n</environment_details>"));
    }
    expect(files.run("bun test")).toBe("1 pass");
    expect(thoughts).toEqual(["The file first.", "", "", ""]);
    expect(history).toHaveLength(8);
  });
});

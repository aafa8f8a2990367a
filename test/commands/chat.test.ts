// The chat and complete commands, run as a user would run them, against a server with the fake model.

import { afterAll, describe, expect, test } from "bun:test";
import { startFakeServer } from "../support/fake-server.ts";
import { MAIN, runPagoda } from "../support/run-pagoda.ts";
import { TerminalProgram } from "../support/terminal-program.ts";
import { until } from "../support/waiting.ts";

const server = await startFakeServer({ model: { stepDelayMs: 2 } });
const locked = await startFakeServer({}, { apiKeys: ["secret"] });
const at = ["--url", `${server.url}/v1`, "--temperature", "0"];
afterAll(async () => {
  await server.stop();
  await locked.stop();
});

/** The server's answer to this conversation. */
async function answerTo(messages: { role: string; content: string }[], maxTokens: number) {
  const body = { messages, temperature: 0, max_tokens: maxTokens };
  const response = await server.post("/v1/chat/completions", body);
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices[0]?.message.content ?? "";
}

describe("complete", () => {
  test("prints only the completion", async () => {
    const body = { prompt: "Once", temperature: 0, max_tokens: 20 };
    const response = await server.post("/v1/completions", body);
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    const expected = {
      stdout: choices[0]?.text ?? "",
      stderr: `tiny at ${server.url}\n`,
      exitCode: 0,
    };
    const words = ["complete", ...at, "--max-tokens", "20"];
    expect(await runPagoda([...words, "Once"])).toEqual(expected);
    expect(await runPagoda(words, { stdin: "Once" })).toEqual(expected);
    expect(await runPagoda([...words, "-"], { stdin: "Once" })).toEqual(expected);
  });

  test("continues a prompt after piped input", async () => {
    const words = ["complete", "two", ...at, "--extra-body.echo", "true", "--max-tokens", "1"];
    expect((await runPagoda(words, { stdin: "one\n" })).stdout).toStartWith("one\ntwo");
  });

  test("reports text cut off by the server's default limit, but not by the user's own limit", async () => {
    const cut = `the text was cut off at the server's default length; set --max-tokens\n`;
    expect((await runPagoda(["complete", "a", ...at])).stderr).toEndWith(cut);
    for (const asked of ["--max-tokens=2", "--extra-body.max_tokens=2"])
      expect((await runPagoda(["complete", "a", ...at, asked])).stderr).not.toContain("cut off");
  });

  test("passes on request fields that have no option", async () => {
    const words = ["complete", "Once", ...at, "--extra-body", '{"echo":true,"max_tokens":3}'];
    const { stdout } = await runPagoda([...words, "--extra-body.max_tokens", "5"]);
    expect(stdout).toMatch(/^Once[a-z ]{5}$/);
  });

  test("reports errors with an exit code", async () => {
    for (const [words, exitCode, line] of [
      [
        ["complete", "a", "--url", "127.0.0.1:9"],
        4,
        "error: cannot reach a server at http://127.0.0.1:9 (connection refused)\n",
      ],
      [["complete", "a", "--url", "a b"], 2, "error: --url: a b is not a URL\n"],
      [["complete", "a", "--url", "ftp://a"], 2, "error: --url: ftp://a is not a URL\n"],
      [["complete"], 2, "error: complete: no prompt; pass one as an argument or pipe it in\n"],
      [
        ["complete", "a", "--url", locked.url],
        1,
        "error: HTTP 401: Unauthorized; pass the key with --api-key\n",
      ],
      [["complete", "a", ...at, "--top-p", "2"], 1, `tiny at ${server.url}\nerror: HTTP 400: `],
      [["complete", "a", ...at, "--max-tokens", "0"], 2, "error: --max-tokens: must be at least 1"],
    ] as const) {
      const ran = await runPagoda(words);
      expect(ran.stderr).toStartWith(line);
      expect(ran).toMatchObject({ stdout: "", exitCode });
    }
    const wrong = ["complete", "a", "--url", locked.url, "--api-key", "wrong"];
    expect((await runPagoda(wrong)).stderr).toBe(
      "error: HTTP 401: Unauthorized; the server does not accept this key\n",
    );
    const key = ["--url", locked.url, "--api-key", "secret", "--max-tokens", "1"];
    expect((await runPagoda(["complete", "a", ...key])).exitCode).toBe(0);
  });
});

describe("chat", () => {
  test("answers each piped line as part of one conversation", async () => {
    const first = await answerTo([{ role: "user", content: "one" }], 8);
    const second = await answerTo(
      [
        { role: "user", content: "one" },
        { role: "assistant", content: first },
        { role: "user", content: "two" },
      ],
      8,
    );
    const words = ["chat", ...at, "--max-tokens", "8"];
    const { stdout, exitCode } = await runPagoda(words, { stdin: "one\n\ntwo\n" });
    expect([stdout, exitCode]).toEqual([`${first}\n${second}\n`, 0]);
    const again = await runPagoda(words, { stdin: "one\n/reset\none\n/exit\nthree\n" });
    expect(again.stdout).toBe(`${first}\n${first}\n`);
  });

  test("sends one message with -q, after the system prompt", async () => {
    const messages = [
      { role: "system", content: "be brief" },
      { role: "user", content: "one" },
    ];
    const words = ["chat", ...at, "-q", "one", "--system-prompt", "be brief", "--max_tokens=8"];
    expect((await runPagoda(words)).stdout).toBe(`${await answerTo(messages, 8)}\n`);
  });

  test("sends -q, or a second argument, after piped input", async () => {
    const answer = await answerTo([{ role: "user", content: "a file\nof two lines\none" }], 8);
    const input = { stdin: "a file\nof two lines\n" };
    const words = [...at, "--max-tokens", "8"];
    const quick = await runPagoda(["chat", "-q", "one", ...words], input);
    expect(quick.stdout).toBe(`${answer}\n`);
    expect(quick.stderr).toEndWith(
      "the answer was cut off by --max-tokens or by the end of the model's context\n",
    );
    expect(await runPagoda(["chat", "tiny", "one", ...words], input)).toEqual(quick);
  });

  test("reports with -q that it is waiting for an open pipe", async () => {
    const { PATH = "", HOME = "" } = process.env;
    const command = [process.execPath, MAIN, "chat", "-q", "one", ...at, "--max-tokens=8"];
    const child = Bun.spawn(command, { env: { PATH, HOME }, stdin: "pipe", stderr: "pipe" });
    const stderr = child.stderr.pipeThrough(new TextDecoderStream());
    let text = "";
    for await (const piece of stderr) {
      text += piece;
      if (text.includes("use `< /dev/null` for no input\n")) child.stdin.end();
    }
    expect(text).toContain("waiting for standard input to end; ");
    expect(await child.stdout.text()).toBe(
      `${await answerTo([{ role: "user", content: "one" }], 8)}\n`,
    );
  }, 20_000);

  test("sends a piped line that begins with a slash but is not a command", async () => {
    const answer = await answerTo([{ role: "user", content: "/etc is what?" }], 8);
    const ran = await runPagoda(["chat", ...at, "--max-tokens=8"], { stdin: "/etc is what?\n" });
    expect(ran.stdout).toBe(`${answer}\n`);
  });

  test("prints a hint if the model's name is a question", async () => {
    const hint = 'chat: the first argument is a model; use -q to send a message: chat -q "Why so?"';
    const ran = await runPagoda(["chat", "Why so?"]);
    expect(ran).toEqual({ stdout: "", stderr: `error: ${hint}\n`, exitCode: 2 });
  });

  test("suggests /reset if a conversation fills the context, but not if the first message does", async () => {
    const long = "x".repeat(20_000);
    const words = ["chat", ...at, "--max-tokens=8"];
    const hint = "the conversation is too long; /reset starts a new one\n";
    const full = await runPagoda(words, { stdin: `one\n${long}\n` });
    expect(full.stderr).toContain("error: HTTP 400: ");
    expect(full.stderr).toEndWith(hint);
    expect(full.exitCode).toBe(1);
    const first = await runPagoda(words, { stdin: `${long}\n` });
    expect(first.stderr).toContain("error: HTTP 400: ");
    expect(first.stderr).not.toContain("/reset");
  });

  test("sends text that begins with dashes", async () => {
    const page = "---\ntitle: x\n---";
    const words = ["chat", ...at, "--max-tokens", "8", "-q", page];
    const answer = await answerTo([{ role: "user", content: page }], 8);
    expect((await runPagoda(words)).stdout).toBe(`${answer}\n`);
  });

  test("rejects an empty message without starting a conversation", async () => {
    for (const words of [["-q", ""], ["--quick= "], ["tiny", ""]]) {
      const ran = await runPagoda(["chat", ...at, ...words], { stdin: "a line\n" });
      const stderr = "error: chat: the message for -q is empty\n";
      expect(ran).toEqual({ stdout: "", stderr, exitCode: 2 });
    }
  });

  test("rejects a field that would have no effect", async () => {
    for (const [body, fault] of [
      ['{"messages":[]}', "messages is set by the command itself"],
      ['{"stream":false}', "stream is set by the command itself"],
      ['{"n":2}', "n must be 1, since only one answer is printed"],
    ] as const) {
      const ran = await runPagoda(["chat", "-q", "a", ...at, "--extra-body", body]);
      expect(ran.stderr).toEndWith(`error: --extra-body: ${fault}\n`);
      expect(ran).toMatchObject({ stdout: "", exitCode: 2 });
    }
  });

  test("reports unreadable input", async () => {
    const { PATH = "", HOME = "" } = process.env;
    const command = ["sh", "-c", 'exec "$@" < /', "sh", process.execPath, MAIN, "chat", ...at];
    const child = Bun.spawn(command, { env: { PATH, HOME }, stderr: "pipe" });
    expect(await child.stderr.text()).toEndWith(
      "error: standard input cannot be read: it is a folder\n",
    );
    expect(await child.exited).toBe(2);
  });

  test("exits with an error if input is not interactive", async () => {
    const ran = await runPagoda(["chat", ...at, "--top-p", "2"], { stdin: "one\ntwo\n" });
    expect(ran).toMatchObject({ stdout: "\n", exitCode: 1 });
  });
});

describe("chat on a terminal", () => {
  test("Ctrl-C stops an answer and aborts the request on the server", async () => {
    const program = new TerminalProgram(["chat", ...at, "--extra-body.ignore_eos", "true"]);
    await program.until("> ");
    program.type("go on\r");
    await program.until("\r\n");
    await until(() => server.engine.numLiveSequences > 0);
    program.type("\x03");
    await program.until("stopped");
    await program.until("> ");
    await until(() => server.engine.numLiveSequences === 0);
    program.type("/exit\r");
    expect(await program.exited).toBe(0);
  }, 20_000);

  test("pasted text is one message, including its last line", async () => {
    const program = new TerminalProgram(["chat", ...at, "--max-tokens", "8"]);
    const answer = await answerTo([{ role: "user", content: "one\n/two\nthree" }], 8);
    await program.until("> ");
    program.type("one\n/two\nthree\n");
    await program.until(answer);
    await program.until("> ");
    program.type("/clear\r");
    await program.until("new conversation");
    await program.until("> ");
    program.type("one\n/two\nth");
    // Lets the program, which is another process, read the two parts separately.
    await Bun.sleep(100);
    program.type("ree\r");
    await program.until(answer);
    await program.until("> ");
    program.type("/quit\r");
    expect(await program.exited).toBe(0);
  }, 20_000);

  test("triple quotes delimit a multiline message, as in Ollama", async () => {
    const program = new TerminalProgram(["chat", ...at, "--max-tokens", "8"]);
    const answer = await answerTo([{ role: "user", content: "one\n\n/two" }], 8);
    await program.until("> ");
    for (const line of ['"""one', "", '/two"""']) {
      program.type(`${line}\r`);
      await Bun.sleep(100); // without a pause, the lines would count as one paste
    }
    await program.until(answer);
    await program.until("> ");
    program.type("/bye\r");
    expect(await program.exited).toBe(0);
  }, 20_000);

  test("Ctrl-C twice exits, and so does Ctrl-D", async () => {
    const twice = new TerminalProgram(["chat", ...at]);
    await twice.until("> ");
    twice.type("\x03");
    await twice.until("press Ctrl-C again to exit");
    await twice.until("> ");
    twice.type("\x03");
    expect(await twice.exited).toBe(130);
    const end = new TerminalProgram(["chat", ...at]);
    await end.until("> ");
    end.type("\x04");
    expect(await end.exited).toBe(0);
  }, 20_000);

  test("an error does not end the conversation, and colors can be turned off", async () => {
    const program = new TerminalProgram(["chat", ...at, "--top-p", "2"], { NO_COLOR: "1" });
    await program.until("type /help");
    program.type("go on\r");
    await program.until("HTTP 400");
    program.type("/nonsense\r");
    await program.until("unknown command /nonsense");
    program.type("/exit\r");
    expect(await program.exited).toBe(0);
    expect(program.text).not.toContain("\x1b[2m");
  }, 20_000);
});

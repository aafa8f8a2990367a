// The bench command, run as a user would run it, against a server with the fake model.

import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startFakeServer } from "../support/fake-server.ts";
import { runPagoda } from "../support/run-pagoda.ts";
import { removeTempFolders, tempFolder } from "../support/temp-checkout.ts";

const server = await startFakeServer({}, { apiKeys: ["secret"] });
const at = ["bench", "--url", server.url, "--api-key", "secret"];
const load = ["--num-prompts", "6", "--random-input-len", "8", "--random-output-len", "5"];
afterAll(async () => {
  await server.stop();
  removeTempFolders();
});

describe("bench", () => {
  test("prints results in the format of vllm bench serve", async () => {
    const { stdout, stderr, exitCode } = await runPagoda([...at, ...load]);
    expect(stdout).toContain("============ Serving Benchmark Result ============\n");
    expect(stdout).toMatch(/^Successful requests: +6$/m);
    expect(stdout).toMatch(/^Total generated tokens: +30$/m);
    expect(stdout).toMatch(/^P99 ITL \(ms\): +\d+\.\d\d$/m);
    expect(stderr).toBe(`sending 6 requests to tiny at ${server.url}\n`);
    expect(exitCode).toBe(0);
  });

  test("prints results as JSON, and also writes them to a file, with timed arrivals", async () => {
    const path = join(tempFolder(), "result.json");
    const words = [...at, ...load, "--request-rate", "200", "--max-concurrency", "2", "--json"];
    const { stdout } = await runPagoda([...words, "--result-filename", path]);
    expect(readFileSync(path, "utf8")).toBe(stdout);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ model_id: "tiny", completed: 6, failed: 0, total_output_tokens: 30 },
      output_lens: [5, 5, 5, 5, 5, 5],
    });
  });

  test("exits with 4 if the server stops during the load, and with 1 if only requests fail", async () => {
    for (const [goes, code] of [
      [true, 4],
      [false, 1],
    ] as const) {
      let numAsked = 0;
      const leaving = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: ({ method }) => {
          if (method === "GET") return Response.json({ data: [{ id: "m" }] });
          if (++numAsked > 1 && goes) void leaving.stop(true);
          if (numAsked > 1) return new Response("no", { status: 500 });
          const choices = [{ text: "a", finish_reason: "length" }];
          const usage = { prompt_tokens: 1, completion_tokens: 1 };
          return new Response(`data: ${JSON.stringify({ choices, usage })}\n\ndata: [DONE]\n\n`);
        },
      });
      const ran = await runPagoda(["bench", "--url", leaving.url.href, "--num-prompts", "2"]);
      expect(ran.stderr).toContain("failed: ");
      expect(ran.exitCode).toBe(code);
      await leaving.stop(true);
    }
  });

  test("reports why no measurement is possible", async () => {
    for (const [words, exitCode, line] of [
      [["bench", "--url", "127.0.0.1:9"], 4, "cannot reach a server"],
      [["bench", "--url", server.url], 1, "HTTP 401: Unauthorized; pass the key with --api-key\n"],
      [[...at, "--model-name", "other"], 1, "HTTP 404: The model `other` does not exist.\n"],
      [[...at, "--num-prompts", "0"], 2, "--num-prompts: must be at least 1"],
      [[...at, ...load, "--result-filename", "/nowhere/x"], 1, "cannot write /nowhere/x"],
    ] as const) {
      const ran = await runPagoda(words);
      expect(ran.stderr).toContain(`error: ${line}`);
      expect(ran.exitCode).toBe(exitCode);
    }
  });
});

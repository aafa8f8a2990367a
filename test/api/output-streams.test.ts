// Several prompts merged into one stream of outputs.

import { describe, expect, test } from "bun:test";
import { mergeStreams } from "../../src/api/output-streams.ts";
import { EngineError } from "../../src/errors.ts";
import type { OutputStream, SequenceOutput } from "../../src/front/output-stream.ts";
import { settled } from "../support/waiting.ts";

/** A stream whose outputs the test supplies. */
class ScriptedStream implements OutputStream {
  readonly promptTokenIds = Promise.resolve(new Int32Array(1));
  numAborts = 0;
  readonly #stream = new TransformStream<SequenceOutput, SequenceOutput>();
  readonly #writer = this.#stream.writable.getWriter();

  say(text: string): void {
    void this.#writer.write({ text, index: 0 } as SequenceOutput).catch(() => {});
  }

  end(): void {
    void this.#writer.close().catch(() => {});
  }

  fail(error: Error): void {
    void this.#writer.abort(error).catch(() => {});
  }

  abort(): void {
    this.numAborts++;
  }

  [Symbol.asyncIterator](): AsyncIterator<SequenceOutput> {
    return this.#stream.readable[Symbol.asyncIterator]();
  }
}

async function collect(streams: readonly OutputStream[]): Promise<string[]> {
  const seen: string[] = [];
  for await (const { promptIndex, output } of mergeStreams(streams)) {
    seen.push(`${promptIndex}${output.text}`);
  }
  return seen;
}

describe("mergeStreams", () => {
  test("yields outputs as they arrive and ends after the last prompt", async () => {
    const [first, second] = [new ScriptedStream(), new ScriptedStream()];
    const collected = collect([first, second]);
    second.say("a");
    await settled();
    first.say("b");
    await settled();
    second.end();
    first.say("c");
    first.end();
    expect(await collected).toEqual(["1a", "0b", "0c"]);
  });

  test("yields no outputs if there are no prompts", async () => {
    expect(await collect([])).toEqual([]);
  });

  test("aborts all prompts when one fails", async () => {
    const streams = [new ScriptedStream(), new ScriptedStream()] as const;
    const collected = collect(streams);
    streams[1].fail(new EngineError("engine_step_failed", "boom"));
    await expect(collected).rejects.toThrow("boom");
    await collected.catch(() => {});
    expect(streams.map(({ numAborts }) => numAborts)).toEqual([1, 1]);
  });

  test("aborts all prompts when the reader stops", async () => {
    const streams = [new ScriptedStream(), new ScriptedStream()] as const;
    streams[0].say("a");
    for await (const _ of mergeStreams(streams)) break;
    expect(streams.map(({ numAborts }) => numAborts)).toEqual([1, 1]);
  });
});

// Several prompts as one stream of outputs.

import { describe, expect, test } from "bun:test";
import { mergeGenerations } from "../../src/api/output-streams.ts";
import { EngineError } from "../../src/errors.ts";
import type { Generation, SequenceOutput } from "../../src/front/output-stream.ts";
import { settled } from "../support/waiting.ts";

/** A generation whose outputs the test hands in. */
class ScriptedGeneration implements Generation {
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

async function collect(generations: readonly Generation[]): Promise<string[]> {
  const seen: string[] = [];
  for await (const { promptIndex, output } of mergeGenerations(generations)) {
    seen.push(`${promptIndex}${output.text}`);
  }
  return seen;
}

describe("mergeGenerations", () => {
  test("gives outputs as they come, and ends with the last prompt", async () => {
    const [first, second] = [new ScriptedGeneration(), new ScriptedGeneration()];
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

  test("no prompts are no outputs", async () => {
    expect(await collect([])).toEqual([]);
  });

  test("the failure of one prompt ends all of them", async () => {
    const generations = [new ScriptedGeneration(), new ScriptedGeneration()] as const;
    const collected = collect(generations);
    generations[1].fail(new EngineError("engine_step_failed", "boom"));
    await expect(collected).rejects.toThrow("boom");
    await collected.catch(() => {});
    expect(generations.map(({ numAborts }) => numAborts)).toEqual([1, 1]);
  });

  test("a reader that stops aborts all prompts", async () => {
    const generations = [new ScriptedGeneration(), new ScriptedGeneration()] as const;
    generations[0].say("a");
    for await (const _ of mergeGenerations(generations)) break;
    expect(generations.map(({ numAborts }) => numAborts)).toEqual([1, 1]);
  });
});

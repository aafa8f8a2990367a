// A conformance suite for every EngineClient, no matter where its engine runs. The engine uses the fake
// model.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { RequestError } from "../../src/errors.ts";
import type { EngineClient, EngineRequest, RequestOutput } from "../../src/protocol/protocol.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { makeEngine } from "./fake-engine.ts";
import { FakeTokenizer } from "./fake-model-runner.ts";

export interface OpenClient {
  readonly client: EngineClient;
  close(): Promise<void>;
}

export function engineRequest(
  requestId: string,
  prompt: string,
  params: Partial<SamplingParams> = {},
): EngineRequest {
  return {
    externalId: `cmpl-${requestId}`,
    requestIds: [requestId],
    prompt: Int32Array.from(new TextEncoder().encode(prompt)),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, maxTokens: 8, ...params },
    ...{ mustFit: true, priority: 0, cacheSalt: null },
  };
}

const chatOf = (content: string) => ({
  json: JSON.stringify({
    messages: [{ role: "user", content }],
    kwargs: { of: ["\u{1F600}", null] },
  }),
  ...{ chatTemplate: null, addGenerationPrompt: true, continueFinalMessage: false },
});
const CHAT = chatOf("hi");

/** Collects the outputs of each request. */
export class OutputLog {
  readonly outputs = new Map<string, RequestOutput[]>();
  #wake: () => void = () => {};

  constructor(client: EngineClient) {
    client.onOutputs((message) => {
      for (const output of message.outputs) {
        this.outputs.set(output.requestId, [...this.of(output.requestId), output]);
      }
      this.#wake();
    });
  }

  of(requestId: string): RequestOutput[] {
    return this.outputs.get(requestId) ?? [];
  }

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Waits for a request to finish. @returns its outputs */
  async end(requestId: string): Promise<RequestOutput[]> {
    await this.until(() => this.of(requestId).at(-1)?.finishReason != null);
    return this.of(requestId);
  }

  textOf(requestId: string): string {
    return this.of(requestId)
      .map(({ text }) => text)
      .join("");
  }
}

/** Returns the outputs without the fields that depend on a clock. */
function timeless(outputs: readonly RequestOutput[]) {
  return outputs.map(({ timeline: _, tokenTimesS: __, ...output }) => output);
}

export function describeEngineClient(name: string, open: () => Promise<OpenClient>): void {
  describe(name, () => {
    let opened: OpenClient;
    let client: EngineClient;
    let log: OutputLog;
    beforeEach(async () => {
      opened = await open();
      client = opened.client;
      log = new OutputLog(client);
    });
    afterEach(() => opened.close());

    test("yields the same outputs as an engine in this process", async () => {
      const params: Partial<SamplingParams> = {
        ...{ logprobs: 2, promptLogprobs: 1, stop: ["zz"] },
        logitBias: [[97, -1.5]],
      };
      const requests = [
        engineRequest("a", "hello", params),
        engineRequest("b", "other", { temperature: 1, seed: 2n ** 63n + 5n }),
        engineRequest("c", "third", { stopTokenIds: [101], allowedTokenIds: [101, 102] }),
      ];
      const reference = makeEngine().client;
      const expected = new OutputLog(reference);
      for (const request of requests) {
        client.add(request);
        reference.add(request);
      }
      for (const requestId of requests.flatMap(({ requestIds }) => requestIds)) {
        expect(timeless(await log.end(requestId))).toEqual(timeless(await expected.end(requestId)));
      }
      await reference.shutdown();
    });

    test("records the request's timeline on one clock", async () => {
      client.add(engineRequest("a", "hello"));
      const outputs = await log.end("a");
      const { queuedS, scheduledS, firstTokenS, lastTokenS } = outputs.at(-1)?.timeline ?? {};
      const times = outputs.flatMap(({ tokenTimesS }) => tokenTimesS);
      const marks = [queuedS, scheduledS, firstTokenS, ...times.slice(1)];
      expect(times.length).toBe(8);
      expect(marks).toEqual([...marks].sort((a, b) => Number(a) - Number(b)));
      expect([firstTokenS, lastTokenS]).toEqual([times[0], times.at(-1)]);
    });

    test("shares a prompt between sequences of n > 1", async () => {
      const params = { n: 2, temperature: 1, seed: 1n };
      const request = engineRequest("a", "a prompt longer than one block", params);
      client.add({ ...request, requestIds: ["a", "b"] });
      const [first, second] = [await log.end("a"), await log.end("b")];
      expect(first.at(-1)?.finishReason).toBe("length");
      expect(second.at(-1)?.numCachedTokens).toBeGreaterThan(0);
    });

    test("reports the end of an aborted request once, and ignores unknown IDs", async () => {
      client.add(engineRequest("a", "hello", { maxTokens: 900 }));
      client.add(engineRequest("b", "world"));
      await log.until(() => log.of("a").length > 0);
      client.abort(["a", "nobody"]);
      client.abort(["a"]);
      const outputs = await log.end("a");
      await log.end("b");
      expect(outputs.at(-1)?.finishReason).toBe("abort");
      expect(outputs.filter(({ finishReason }) => finishReason !== null)).toHaveLength(1);
      expect(log.of("b").at(-1)?.finishReason).toBe("length");
    });

    test("abortQueued() does not abort running requests", async () => {
      client.add(engineRequest("a", "hello", { maxTokens: 900 }));
      await log.until(() => log.of("a").length > 0);
      client.abortQueued(["a"]);
      await client.calls.isSleeping();
      expect(log.of("a").at(-1)?.finishReason).toBeNull();
      client.abort(["a"]);
      await log.end("a");
    });

    test("tokenizes a text prompt, and returns its tokens", async () => {
      const text = "grüße";
      const ids = await new FakeTokenizer().encode(text, true, true);
      const request = engineRequest("a", "");
      expect(await client.add({ ...request, prompt: { text, addSpecial: true } })).toEqual(ids);
      const read = await log.end("a");
      expect(await client.add({ ...request, requestIds: ["b"], prompt: ids })).toEqual(ids);
      await log.end("b");
      expect(log.textOf("a")).toBe(log.textOf("b"));
      expect(read.map(({ numPromptTokens }) => numPromptTokens)).toEqual(
        read.map(() => ids.length),
      );
    });

    test("tokenizes a chat prompt", async () => {
      const answer = client.add({ ...engineRequest("a", ""), prompt: { chat: CHAT } });
      expect(await answer).toEqual(await new FakeTokenizer().encodeChat(CHAT));
      expect((await log.end("a")).at(-1)?.finishReason).toBe("length");
    });

    test("rejects invalid requests without passing them on", async () => {
      const long = { text: "x".repeat(1023), addSpecial: true };
      const refused: [Partial<EngineRequest>, string][] = [
        [{ prompt: new Int32Array(0) }, "The decoder prompt cannot be empty"],
        [{ prompt: Int32Array.of(1, 258) }, "Token id 258 is out of vocabulary"],
        [{ prompt: long }, "your request has 1024 input tokens."],
        [{ prompt: { ...long, text: "x".repeat(8192) } }, "has at least 8193 input tokens."],
        [{ prompt: { chat: chatOf("x".repeat(9000)) } }, "has at least 8193 input tokens."],
        [{ prompt: { ...long, addSpecial: false } }, "is too large: 8. This model's"],
      ];
      for (const [part, message] of refused) {
        const request = { ...engineRequest("a", ""), ...part };
        const error = await client.add(request).catch((refusal: Error) => refusal);
        expect(error).toBeInstanceOf(RequestError);
        expect((error as Error).message).toContain(message);
      }
      await client.calls.isSleeping();
      expect(log.of("a")).toEqual([]);
    });

    test("caps the output at the remaining context length", async () => {
      const prompt = { text: "x".repeat(1020), addSpecial: false };
      await client.add({ ...engineRequest("a", ""), prompt, mustFit: false });
      const tokens = (await log.end("a")).flatMap(({ tokenIds }) => tokenIds);
      expect(tokens).toHaveLength(4);
      const least = { ...engineRequest("b", "", { minTokens: 5 }), prompt, mustFit: false };
      const error = await client.add(least).catch((refusal: Error) => refusal);
      expect((error as Error).message).toBe(
        "min_tokens must be less than or equal to max_tokens=4, got 5.",
      );
    });

    test("aborts a request whose prompt is still being tokenized", async () => {
      const prompt = { text: "hello", addSpecial: true };
      const request = { ...engineRequest("a", "", { maxTokens: 900 }), prompt };
      const answer = client.add(request);
      client.abort(["a"]);
      expect(await answer).toHaveLength(6);
      const outputs = await log.end("a");
      expect(outputs.map(({ finishReason }) => finishReason)).toEqual(["abort"]);
    });

    test("tokenizes, detokenizes, and renders chats", async () => {
      const tokenizer = new FakeTokenizer();
      const text = "grüße \u{1F600}";
      const ids = await client.calls.encode(text, true);
      expect(ids).toEqual(await tokenizer.encode(text, true, true));
      expect(await client.calls.encode(text, true, 3)).toEqual(ids.slice(0, 4));
      expect(await client.calls.encode(text, true, ids.length)).toEqual(ids);
      expect(await client.calls.decode(ids, true)).toBe(text);
      expect(await client.calls.tokenBytes(Int32Array.of(256, 104))).toEqual(
        [256, 104].map((id) => tokenizer.tokenBytes(id)),
      );
      expect(await client.calls.tokenEntries(Int32Array.of(256, 104))).toEqual(["<s>", "<0x68>"]);
      const prompt = "user: hi\nassistant: ";
      expect(await client.calls.renderChat(CHAT)).toBe(prompt);
      const chatIds = await tokenizer.encode(prompt, true, true);
      expect(await client.calls.encodeChat(CHAT)).toEqual(chatIds);
      expect(await client.calls.encodeChat(CHAT, undefined)).toEqual(chatIds);
      expect(await client.calls.encodeChat(CHAT, 3)).toEqual(chatIds.slice(0, 4));
    });

    test("handles many concurrent calls, including large ones", async () => {
      const texts = Array.from({ length: 40 }, (_, i) => "x".repeat(i * 20_000));
      const all = await Promise.all(texts.map((text) => client.calls.encode(text, false)));
      expect(all.map(({ length }) => length)).toEqual(texts.map(({ length }) => length));
    });

    test("sleeps and wakes up while requests wait", async () => {
      expect(await client.calls.sleep(1, "abort")).toBe(1);
      expect(await client.calls.isSleeping()).toBe(true);
      client.add(engineRequest("a", "hello"));
      await client.calls.wakeUp(["weights"]);
      expect(log.of("a")).toEqual([]);
      await client.calls.wakeUp(["kv_cache"]);
      expect((await log.end("a")).at(-1)?.finishReason).toBe("length");
      expect(await client.calls.isSleeping()).toBe(false);
    });

    test("resets the prefix cache unless blocks are in use", async () => {
      client.add(engineRequest("a", "hello", { maxTokens: 900 }));
      await log.until(() => log.of("a").length > 0);
      expect(await client.calls.resetPrefixCache(false)).toBe(false);
      expect(await client.calls.resetPrefixCache(true)).toBe(true);
      client.abort(["a"]);
      await log.end("a");
      expect(await client.calls.resetPrefixCache(false)).toBe(true);
    });

    test("shutdown aborts running requests, and later requests are rejected", async () => {
      client.add(engineRequest("a", "hello", { maxTokens: 900 }));
      await log.until(() => log.of("a").length > 0);
      expect(client.unavailable).toBeNull();
      await client.shutdown();
      await client.shutdown();
      expect(log.of("a").at(-1)?.finishReason).toBe("abort");
      expect(client.unavailable).not.toBeNull();
      const refusal = await client.add(engineRequest("b", "late")).catch((error: Error) => error);
      expect(refusal).toMatchObject({ message: client.unavailable?.message });
    });
  });
}

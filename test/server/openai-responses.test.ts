// The Responses API with the real OpenAI client over a real socket.

import { afterAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { startFakeServer } from "../support/fake-server.ts";

const server = await startFakeServer({ model: { stepDelayMs: 5 } });
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
const request = { model: "tiny", input: "hi", max_output_tokens: 5 };

afterAll(() => server.stop());

describe("the openai client", () => {
  test("creates a response and retrieves it", async () => {
    const response = await client.responses.create(request);
    expect(response.output_text).toMatch(/^[a-z ]{5}$/);
    const again = await client.responses.retrieve(response.id);
    expect(again.output_text).toBe(response.output_text);
    const items = await client.responses.inputItems.list(response.id);
    expect(items.data).toHaveLength(1);
    await client.responses.delete(response.id);
    const gone = await client.responses.retrieve(response.id).catch((error: unknown) => error);
    expect(gone).toBeInstanceOf(OpenAI.NotFoundError);
  });

  test("assembles a response from a stream", async () => {
    let text = "";
    const stream = client.responses.stream(request);
    stream.on("response.output_text.delta", ({ delta }) => {
      text += delta;
    });
    const response = await stream.finalResponse();
    expect(response.output_text).toMatch(/^[a-z ]{5}$/);
    expect(text).toBe(response.output_text);
    expect(response.usage?.output_tokens).toBe(5);
  });

  test("counts an input's tokens", async () => {
    const { input_tokens } = await client.responses.inputTokens.count({ input: "hi" });
    expect(input_tokens).toBe(21);
    const previous_response_id = (await client.responses.create(request)).id;
    const counted = await client.responses.inputTokens.count({ input: "hi", previous_response_id });
    const used = await client.responses.create({ ...request, previous_response_id });
    expect(counted.input_tokens).toBe(used.usage?.input_tokens ?? 0);
  });

  test("continues a conversation", async () => {
    const first = await client.responses.create(request);
    const previous_response_id = first.id;
    const second = await client.responses.create({ ...request, previous_response_id });
    expect(second.usage?.input_tokens).toBe(21 + 5 + 1 + 21 - 1);
    expect(second.previous_response_id).toBe(first.id);
  });

  test("runs a response in the background and cancels another", async () => {
    const { id } = await client.responses.create({ ...request, background: true });
    const { id: other } = await client.responses.create({
      ...{ ...request, max_output_tokens: 900, background: true },
    });
    expect((await client.responses.cancel(other)).status).toBe("cancelled");
    let response = await client.responses.retrieve(id);
    while (response.status === "queued" || response.status === "in_progress") {
      response = await client.responses.retrieve(id);
    }
    expect(response.output_text).toMatch(/^[a-z ]{5}$/);
  });

  test("throws its own error classes", async () => {
    const failure = await client.responses
      .create({ ...request, input: "x".repeat(3000) })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OpenAI.BadRequestError);
  });
});

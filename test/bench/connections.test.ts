// Many connections with one request each: how many got a response, how many were accepted, and how
// many were closed.

import { afterAll, expect, test } from "bun:test";
import { Connections, getRequest, postRequest } from "../../bench/connections.ts";

const bodies: string[] = [];
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    if (request.method === "POST") bodies.push(await request.text());
    return new Response("", { status: new URL(request.url).pathname === "/busy" ? 503 : 200 });
  },
});
const url = `http://127.0.0.1:${server.port}`;
afterAll(() => server.stop(true));

test("every connection gets a response and stays open", async () => {
  const connections = await Connections.open(url, 250, getRequest(new URL(url), "/"));
  await connections.answered(5_000);
  expect([connections.numAnswered, connections.numAccepted]).toEqual([250, 250]);
  expect(connections.numClosed).toBe(0);
  expect(Object.values(connections.firstByteMs).every((ms) => ms >= 0)).toBe(true);
  connections.close();
});

test("a rejected request counts as answered but not as accepted", async () => {
  const connections = await Connections.open(url, 3, getRequest(new URL(url), "/busy"));
  await connections.answered(5_000);
  expect([connections.numAnswered, connections.numAccepted]).toEqual([3, 0]);
  connections.close();
});

test("request bodies arrive intact", async () => {
  const request = postRequest(new URL(url), "/", { prompt: "ä" });
  const connections = await Connections.open(url, 1, request);
  await connections.answered(5_000);
  expect(bodies).toEqual(['{"prompt":"ä"}']);
  connections.close();
});

test("if no server is listening, the error names the connection", async () => {
  const message = await Connections.open("http://127.0.0.1:9", 1, "").catch(
    (error: Error) => error.message,
  );
  expect(message).toStartWith("connection 1 cannot be opened");
});

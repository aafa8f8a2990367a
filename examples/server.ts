// Serves a custom route next to the whole HTTP API, with one model: bun examples/server.ts [model] [port]
//
//   curl -N 'localhost:8000/ask?q=Why+is+the+sky+blue'
//   curl localhost:8000/v1/models

import { LLM } from "pagoda";
import { createApp } from "pagoda/server";

const [model = "SmolLM2-135M-Instruct", port = "8000"] = process.argv.slice(2);

const llm = await LLM.load(model).catch(fail);
const api = createApp(llm);
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  idleTimeout: 0, // a long prompt produces no output for a while
  routes: {
    "/ask": (request) => {
      const content = new URL(request.url).searchParams.get("q") ?? "Hello";
      // The signal ends the generation when the client disconnects.
      const answer = llm.chat([{ role: "user", content }], { signal: request.signal });
      const headers = { "content-type": "text/event-stream" };
      return new Response(answer.toReadableStream(), { headers });
    },
  },
  fetch: api.fetch,
});
console.log(`listening on ${server.url}`);

/** Time for requests in progress to finish. Without a token limit, a request can take minutes. */
const GRACE_MS = 5_000;

async function stop(): Promise<void> {
  await Promise.race([server.stop(), Bun.sleep(GRACE_MS)]);
  await llm[Symbol.asyncDispose](); // ends the remaining requests
  await server.stop(true);
  process.exit(0);
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);

/** Prints one line and exits if the model is missing or cannot be loaded. */
function fail({ message }: Error): never {
  console.error(`error: ${message}`);
  process.exit(1);
}

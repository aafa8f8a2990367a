// POST /v1/load_lora_adapter and /v1/unload_lora_adapter. As in vLLM, they exist if VLLM_ALLOW_RUNTIME_LORA_UPDATING is
// set; Pagoda also provides them if there is an API key.

import { Elysia } from "elysia";
import { parseBody } from "../api/parse-body.ts";
import { LOAD_LORA_FIELDS, UNLOAD_LORA_FIELDS } from "../api/schemas.ts";
import { readJson } from "./read-body.ts";
import type { RouteEntry } from "./route-table.ts";
import type { ServerContext } from "./server-context.ts";

const LOAD = "/v1/load_lora_adapter";
const UNLOAD = "/v1/unload_lora_adapter";

export function loraMethods({ allowsLoraUpdates, apiKeys }: ServerContext): readonly RouteEntry[] {
  if (!allowsLoraUpdates && apiKeys.length === 0) return [];
  return [
    [LOAD, "POST"],
    [UNLOAD, "POST"],
  ];
}

export function loraRoutes(context: ServerContext) {
  const app = new Elysia({ name: "lora" });
  if (loraMethods(context).length === 0) return app;
  return app
    .post(LOAD, ({ request }) => load(context, request), { parse: "none" })
    .post(UNLOAD, ({ request }) => unload(context, request), { parse: "none" });
}

async function load(context: ServerContext, request: Request): Promise<Response> {
  const body = parseBody(LOAD_LORA_FIELDS, await readJson(context, request));
  const { lora_name: name, lora_path: path, load_inplace: replaces } = body;
  await context.adapters.load({ name, path, replaces });
  return new Response(`Success: LoRA adapter '${name}' added successfully.`);
}

async function unload(context: ServerContext, request: Request): Promise<Response> {
  const { lora_name: name } = parseBody(UNLOAD_LORA_FIELDS, await readJson(context, request));
  await context.adapters.unload(name);
  return new Response(`Success: LoRA adapter '${name}' removed successfully.`);
}

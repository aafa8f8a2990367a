// GET /v1/models: one card per served name.

import { Elysia } from "elysia";
import { jsonResponse } from "./json-response.ts";
import type { ServerContext } from "./server-context.ts";

export function modelRoutes(context: ServerContext) {
  return new Elysia({ name: "models" }).get("/v1/models", () => {
    const data = context.servedModelNames.map((name) => modelCard(context, name));
    return jsonResponse({ object: "list", data });
  });
}

function modelCard(context: ServerContext, id: string) {
  const created = Math.floor(context.createdS);
  return {
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root: context.modelRoot,
    parent: null,
    max_model_len: context.front.info.maxModelLen,
    permission: [
      {
        id: `modelperm-${id}`,
        object: "model_permission",
        created,
        allow_create_engine: false,
        allow_sampling: true,
        allow_logprobs: true,
        allow_search_indices: false,
        allow_view: true,
        allow_fine_tuning: false,
        organization: "*",
        group: null,
        is_blocking: false,
      },
    ],
  };
}

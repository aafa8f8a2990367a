// GET /v1/models and /v1/models/{id}: one card per served name, with the members that clients of OpenAI, Anthropic,
// llama-server and Codex read.

import { Elysia, NotFoundError } from "elysia";
import { adapterOf } from "../api/api-context.ts";
import { isClaudeModel } from "../api/messages/schema.ts";
import type { ServedAdapter } from "../front/adapter-registry.ts";
import { codexModel } from "./codex-models.ts";
import { jsonResponse } from "./json-response.ts";
import { decodedPath } from "./routed-url.ts";
import type { ServerContext } from "./server-context.ts";

const PREFIX = "/v1/models/";

export function modelRoutes(context: ServerContext) {
  return new Elysia({ name: "models" })
    .get("/v1/models", () => jsonResponse(modelList(context)))
    .get(`${PREFIX}*`, ({ request }) => {
      const name = decodedPath(request.url.slice(request.url.indexOf(PREFIX) + PREFIX.length));
      if (name === "") throw new NotFoundError();
      const isAlias = isClaudeModel(name) && context.adapters.find(name) === null;
      const served = isAlias ? "" : name;
      const adapter = adapterOf(context, served);
      if (adapter !== null) return jsonResponse(adapterCard(context, adapter));
      return jsonResponse(modelCard(context, served || (context.servedModelNames[0] ?? "")));
    });
}

function modelList(context: ServerContext): object {
  const { servedModelNames, front, adapters } = context;
  const { all } = adapters;
  const names = [...servedModelNames, ...all.map(({ name }) => name)];
  const data = [
    ...servedModelNames.map((name) => modelCard(context, name)),
    ...all.map((adapter) => adapterCard(context, adapter)),
  ];
  return {
    object: "list",
    data,
    ...{ first_id: names[0] ?? null, last_id: names.at(-1) ?? null, has_more: false },
    models: names.map((name) => codexModel(name, front.info.maxModelLen)),
  };
}

function adapterCard(context: ServerContext, adapter: ServedAdapter): object {
  const { name, path, parent } = adapter;
  const created = Math.floor(adapter.createdS);
  const created_at = new Date(created * 1000).toISOString();
  const permissions = [permission(name, created)];
  const dates = { created, created_at, permission: permissions };
  return { ...modelCard(context, name), ...dates, root: path, parent };
}

function modelCard(context: ServerContext, id: string): object {
  const created = Math.floor(context.createdS);
  const { maxModelLen, model } = context.front.info;
  return {
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root: context.modelRoot,
    parent: null,
    max_model_len: maxModelLen,
    permission: [permission(id, created)],
    context_length: maxModelLen,
    type: "model",
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    status: { value: "loaded" },
    architecture: { input_modalities: ["text"], output_modalities: ["text"] },
    meta: {
      n_ctx: maxModelLen,
      n_ctx_train: model.trainedContextLength,
      n_vocab: model.vocabSize,
      n_embd: model.embeddingLength,
      size: model.weightBytes,
    },
  };
}

function permission(id: string, created: number): object {
  return {
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
  };
}

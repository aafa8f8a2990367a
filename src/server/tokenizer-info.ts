// GET /tokenizer_info: the contents of tokenizer_config.json, to the extent that a GGUF file has them. As in vLLM, the
// route requires --enable-tokenizer-info-endpoint, since it shows the chat template.

import { Elysia } from "elysia";
import type { Front } from "../front/front.ts";
import { jsonResponse } from "./json-response.ts";
import type { RouteEntry } from "./route-table.ts";

export interface TokenizerInfo {
  /** Name of the tokenizer's class in Hugging Face's transformers. */
  readonly tokenizerClass: string;
  /** IDs by their names in tokenizer_config.json. */
  readonly specialTokenIds: Readonly<Record<string, number>>;
  /** Whether the tokenizer adds a BOS token; null = unknown. */
  readonly addsBos: boolean | null;
  readonly addsEos: boolean | null;
  readonly addsPrefixSpace: boolean | null;
  readonly chatTemplate: string | null;
}

interface Source {
  readonly front: Front;
  /** Contents of the response; null = the route does not exist. */
  readonly tokenizerInfo: TokenizerInfo | null;
}

export function tokenizerInfoMethods({ tokenizerInfo }: Source): readonly RouteEntry[] {
  return tokenizerInfo === null ? [] : [["/tokenizer_info", "GET"]];
}

export function tokenizerInfoRoutes(context: Source) {
  const app = new Elysia({ name: "tokenizer-info" });
  const { tokenizerInfo } = context;
  if (tokenizerInfo === null) return app;
  return app.get("/tokenizer_info", () => answerInfo(context, tokenizerInfo));
}

async function answerInfo({ front }: Source, info: TokenizerInfo): Promise<Response> {
  const { vocabSize, trainedContextLength } = front.info.model;
  // Some files name a padding token past the end of their vocabulary.
  const named = Object.entries(info.specialTokenIds).filter(([, id]) => id >= 0 && id < vocabSize);
  const entries = await front.calls.tokenEntries(Int32Array.from(named, ([, id]) => id));
  const { addsBos, addsEos, addsPrefixSpace, chatTemplate } = info;
  return jsonResponse({
    tokenizer_class: info.tokenizerClass,
    model_max_length: trainedContextLength,
    ...Object.fromEntries(named.map(([name], i) => [name, entries[i]])),
    ...(addsBos !== null && { add_bos_token: addsBos }),
    ...(addsEos !== null && { add_eos_token: addsEos }),
    ...(addsPrefixSpace !== null && { add_prefix_space: addsPrefixSpace }),
    ...(chatTemplate !== null && { chat_template: chatTemplate }),
  });
}

// Lists a stored response's input items page by page, in OpenAI's format.

import { RequestError } from "../../errors.ts";
import { randomHex } from "../answer-id.ts";
import { quoted } from "../quote.ts";
import type { JsonObject } from "../schema/json-value.ts";

const MAX_LIMIT = 100;

/** @returns the item, with an ID that the next page's `after` can name */
export function withId(item: JsonObject): JsonObject {
  if (typeof item["id"] === "string" && item["id"] !== "") return item;
  const type = item["type"] ?? "message";
  return { ...item, type, id: `${type === "message" ? "msg" : "item"}_${randomHex()}` };
}

/** @param items oldest first @throws RequestError "invalid_value" */
export function inputList(items: readonly JsonObject[], query: URLSearchParams): object {
  const limit = Number(query.get("limit") ?? "20");
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT)) {
    refuse(
      `limit must be an integer in [1, ${MAX_LIMIT}], got ${quoted(query.get("limit") ?? "")}.`,
      "limit",
    );
  }
  const order = query.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc")
    refuse(`order must be asc or desc, got ${quoted(order)}.`, "order");
  const ordered = order === "asc" ? items : items.toReversed();
  const after = query.get("after");
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== null && start === 0) refuse(`No input item has the id ${quoted(after)}.`, "after");
  const data = ordered.slice(start, start + limit);
  const [first_id, last_id] = [data[0]?.["id"] ?? null, data.at(-1)?.["id"] ?? null];
  return { object: "list", data, first_id, last_id, has_more: start + limit < ordered.length };
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}

// POST /v1/requests/{id}/cancel: aborts a request by its response ID, for clients and operators that cannot close the
// request's connection.

import { Elysia } from "elysia";
import { quoted } from "../api/quote.ts";
import { RequestError } from "../errors.ts";
import { jsonResponse } from "./json-response.ts";
import type { RouteEntry } from "./route-table.ts";
import { pathSegment } from "./routed-url.ts";
import type { ServerContext } from "./server-context.ts";

const ROUTE: RouteEntry = ["/v1/requests/{id}/cancel", "POST"];

/**
 * @returns an empty list if there is neither a key nor development mode, since anyone could otherwise abort requests
 */
export function cancelMethods({ isDevMode, apiKeys }: ServerContext): readonly RouteEntry[] {
  return isDevMode || apiKeys.length > 0 ? [ROUTE] : [];
}

export function cancelRoutes(context: ServerContext) {
  const app = new Elysia({ name: "cancel" });
  if (cancelMethods(context).length === 0) return app;
  return app.post(
    "/v1/requests/:id/cancel",
    ({ request }) => {
      const id = pathSegment(request.url, 2);
      if (context.front.cancel(id)) return jsonResponse({ id, status: "cancelled" });
      const message = `No request ${quoted(id)} is in progress.`;
      throw new RequestError("request_not_found", message, "id");
    },
    { parse: "none" },
  );
}

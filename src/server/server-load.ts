// GET /load: reports the number of generation requests in progress. A request ends with the last byte of its response.
// As in vLLM, this route requires --enable-server-load-tracking.

import { Elysia } from "elysia";
import { answerEnd } from "./answer-end.ts";
import { jsonResponse } from "./json-response.ts";
import type { RouteEntry } from "./route-table.ts";
import type { ServerContext } from "./server-context.ts";

type Fetch = (request: Request) => Response | Promise<Response>;

/** Routes whose requests are counted. */
const COUNTED = [
  ...["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"],
  ...["/invocations", "/inference/v1/generate"],
];

export class ServerLoad {
  numRequests = 0;

  /** Counts the requests to `fetch`. @param routeOf returns the route of a request; null for an unknown path */
  counted(fetch: Fetch, routeOf: (request: Request) => string | null): Fetch {
    return async (request) => {
      if (!COUNTED.includes(routeOf(request) ?? "")) return fetch(request);
      this.numRequests++;
      const end = () => {
        this.numRequests--;
      };
      try {
        const response = await fetch(request);
        void (answerEnd(request) ?? Promise.resolve()).then(end);
        return response;
      } catch (error) {
        end();
        throw error;
      }
    };
  }
}

export function loadMethods({ tracksLoad }: ServerContext): readonly RouteEntry[] {
  return tracksLoad ? [["/load", "GET"]] : [];
}

export function loadRoutes(context: ServerContext, load: ServerLoad) {
  const app = new Elysia({ name: "load" });
  if (!context.tracksLoad) return app;
  return app.get("/load", () => jsonResponse({ server_load: load.numRequests }));
}

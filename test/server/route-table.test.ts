// Lookup of the route that serves a path, and the methods it allows.

import { expect, test } from "bun:test";
import { RouteTable } from "../../src/server/route-table.ts";

const routes = new RouteTable([
  ["/health", "GET, HEAD"],
  ["/v1/requests/{id}/cancel", "POST"],
  ["/v1/models/{id:path}", "GET"],
]);

test.each([
  ["/health", "/health", "GET, HEAD"],
  ["/v1/requests/a/cancel", "/v1/requests/{id}/cancel", "POST"],
  ["/v1/requests/a%2Fb.c/cancel", "/v1/requests/{id}/cancel", "POST"],
  ["/v1/requests//cancel", null, null],
  ["/v1/requests/a/b/cancel", null, null],
  ["/v1/requests/a/cancel/", null, null],
  ["/v1/requests/a", null, null],
  ["/v1/models/org/a", "/v1/models/{id:path}", "GET"],
  ["/v1/models/", null, null],
  ["/healthz", null, null],
])("%s matches route %p with methods %p", (path, route, methods) => {
  expect(routes.routeOf(path)).toBe(route);
  expect(routes.methodsOf(path)).toBe(methods);
});

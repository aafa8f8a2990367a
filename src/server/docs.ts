// GET /openapi.json, and GET /docs, which shows that document in Swagger UI without loading anything from elsewhere.

import { createHash } from "node:crypto";
import { Elysia } from "elysia";
import { jsonResponse } from "./json-response.ts";
import { openApiDocument } from "./openapi.ts";
import type { RouteEntry } from "./route-table.ts";
import type { ServerContext } from "./server-context.ts";
import { type SwaggerFile, swaggerFile } from "./swagger-ui.ts";

const TYPES: Readonly<Record<SwaggerFile, string>> = {
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
};

const FILES = Object.keys(TYPES) as SwaggerFile[];

/** The same call as FastAPI's page makes, but with a relative URL because a proxy may add a prefix. */
const START = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
});`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pagoda - Swagger UI</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>${START}</script>
</body>
</html>
`;

const START_HASH = createHash("sha256").update(START).digest("base64");

/** Allows the page's own script, Swagger UI's files and its inline styles, and requests to this server. */
const POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${START_HASH}'`,
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const NO_SNIFFING = { "x-content-type-options": "nosniff" };

const HTML_HEADERS = {
  ...NO_SNIFFING,
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": POLICY,
};

export function docsMethods({ servesDocs }: ServerContext): readonly RouteEntry[] {
  const paths = ["/openapi.json", "/docs", ...FILES.map((name) => `/docs/${name}`)];
  return servesDocs ? paths.map((path) => [path, "GET"]) : [];
}

/** @param entries routes to document */
export function docsRoutes(context: ServerContext, entries: readonly RouteEntry[]) {
  const app = new Elysia({ name: "docs" });
  if (!context.servesDocs) return app;
  app
    .get("/openapi.json", () => jsonResponse(openApiDocument(context, entries)))
    .get("/docs", () => new Response(PAGE, { headers: HTML_HEADERS }));
  for (const name of FILES) {
    const headers = { ...NO_SNIFFING, "content-type": TYPES[name] };
    app.get(`/docs/${name}`, async () => new Response(await swaggerFile(name), { headers }));
  }
  return app;
}

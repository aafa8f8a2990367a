/// <reference path="./swagger-ui-dist.d.ts" />
// Files of Swagger UI. They are stored on disk or inside the executable, and read only when a browser asks for them. In
// the npm package, they are next to this file.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export type SwaggerFile = "swagger-ui-bundle.js" | "swagger-ui.css";

/** Functions that import the files' paths. The imports are literal so that bundlers find and embed the files. */
const PATHS: Readonly<Record<SwaggerFile, () => Promise<{ readonly default: string }>>> = {
  "swagger-ui-bundle.js": () =>
    import("swagger-ui-dist/swagger-ui-bundle.js", { with: { type: "file" } }),
  "swagger-ui.css": () => import("swagger-ui-dist/swagger-ui.css", { with: { type: "file" } }),
};

export async function swaggerFile(name: SwaggerFile): Promise<Uint8Array<ArrayBuffer>> {
  const { default: path } = await PATHS[name]().catch(() => ({ default: besideThis(name) }));
  return new Uint8Array(await readFile(path));
}

/** Returns the path for Deno, which cannot import a path. */
function besideThis(name: SwaggerFile): string {
  return fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`));
}

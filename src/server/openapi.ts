// The OpenAPI document for an app: the routes that it serves, with the same schemas that validate their bodies.

import { bodySchema } from "../api/parse-body.ts";
import type { Fields } from "../api/schema/types.ts";
import { FOREIGN_FIELDS, UNBUILT_FIELDS } from "../api/schemas.ts";
import { FIELD_DOCS } from "./field-docs.ts";
import { BODIES, EXAMPLES, ROUTE_DOCS, type RouteDoc } from "./route-docs.ts";
import type { RouteEntry } from "./route-table.ts";
import type { ServerContext } from "./server-context.ts";

/** @returns an OpenAPI 3.1 document, as JSON */
export function openApiDocument(context: ServerContext, entries: readonly RouteEntry[]): object {
  const { version, rootPath, apiKeys } = context;
  const hasKeys = apiKeys.length > 0;
  return {
    openapi: "3.1.0",
    info: {
      title: "Pagoda",
      description: `LLM inference server with the API and metrics of vLLM ${version}.`,
      version,
    },
    ...(rootPath !== "" && { servers: [{ url: rootPath }] }),
    ...(hasKeys && { security: [{ apiKey: [] }] }),
    tags: TAGS.map((name) => ({ name })),
    paths: pathsOf(entries),
    components: {
      schemas: { ...bodySchemas(), ErrorResponse: ERROR },
      ...(hasKeys && { securitySchemes: { apiKey: { type: "http", scheme: "bearer" } } }),
    },
  };
}

/** Headings, in the order of ROUTE_DOCS. */
const TAGS = [...new Set(Object.values(ROUTE_DOCS).map(({ tag }) => tag))];

function pathsOf(entries: readonly RouteEntry[]): object {
  const paths = entries.map(([path, methods]) => {
    const shown = path.replace("{id:path}", "{id}");
    const documented = methods.split(", ").flatMap((method) => {
      const doc = docOf(method, shown);
      return doc === null ? [] : [[method.toLowerCase(), operationOf(doc, method, shown)] as const];
    });
    return [shown, Object.fromEntries(documented)] as const;
  });
  return Object.fromEntries(paths);
}

/** @returns null for an undocumented route, such as HEAD */
function docOf(method: string, path: string): RouteDoc | null {
  const unversioned = path.replace(/^\/v1(?=\/)/, "");
  return ROUTE_DOCS[`${method} ${path}`] ?? ROUTE_DOCS[`${method} ${unversioned}`] ?? null;
}

function operationOf(doc: RouteDoc, method: string, path: string): object {
  const { summary, tag, bodies, query = [] } = doc;
  const words = `${summary}${path}_${method}`.toLowerCase();
  const pathParameters = path.includes("{id}") ? [ID] : [];
  return {
    tags: [tag],
    summary,
    operationId: words.replace(/\W+/g, "_"),
    parameters: [...pathParameters, ...query.map((parameter) => ({ in: "query", ...parameter }))],
    ...(bodies !== undefined && { requestBody: bodyOf(bodies) }),
    responses: responsesOf(doc),
  };
}

const ID = { name: "id", in: "path", required: true, schema: { type: "string" } };

function bodyOf(names: NonNullable<RouteDoc["bodies"]>): object {
  const refs = names.map(reference);
  const schema = refs.length === 1 ? refs[0] : { anyOf: refs };
  const [first] = names;
  const example = first && EXAMPLES[first];
  return { required: true, content: { "application/json": { schema, example } } };
}

function responsesOf({ answer, types = ["application/json"] }: RouteDoc): object {
  const content = Object.fromEntries(types.map((type) => [type, { schema: {} }]));
  return {
    200: { description: answer, ...(types.length > 0 && { content }) },
    default: {
      description: "The request was refused or failed",
      content: { "application/json": { schema: reference("ErrorResponse") } },
    },
  };
}

function reference(name: string): object {
  return { $ref: `#/components/schemas/${name}` };
}

const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "param", "code"],
      properties: {
        message: { type: "string" },
        type: { type: "string" },
        param: { anyOf: [{ type: "string" }, { type: "null" }] },
        code: { type: "integer", description: "Also the HTTP status" },
      },
    },
  },
};

/** Fields that are read only so that they can be refused. */
const REFUSED: Readonly<Record<string, unknown>> = { ...UNBUILT_FIELDS, ...FOREIGN_FIELDS };

function bodySchemas(): object {
  const schemas = Object.entries(BODIES).map(([name, fields]) => {
    const accepted = Object.entries(fields).filter(([field, schema]) => REFUSED[field] !== schema);
    const described = accepted.map(([field, schema]) => [
      field,
      { ...schema, ...FIELD_DOCS[field] },
    ]);
    const schema = bodySchema(Object.fromEntries(described) as Fields<Record<string, unknown>>);
    return [name, { title: name, ...schema }] as const;
  });
  return Object.fromEntries(schemas);
}

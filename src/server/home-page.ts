// GET /: a page that explains what this server is and where to go next. It shows nothing that requires a key and
// loads no external resources.

import { Elysia } from "elysia";
import { modelName } from "../api/api-context.ts";
import { seenUrl } from "./routed-url.ts";
import type { ServerContext } from "./server-context.ts";

/** Links to open in a browser. They are relative because a proxy may serve the page under a prefix. */
const LINKS: readonly (readonly [path: string, text: string])[] = [
  ["v1/models", "the served model"],
  ["metrics", "metrics, for Prometheus"],
  ["health", "health, for probes"],
  ["version", "version"],
];

/** Omitted with --disable-fastapi-docs. */
const DOCS_LINK = ["docs", "every route, with its fields"] as const;

const POSTS: readonly (readonly [path: string, text: string])[] = [
  ["v1/chat/completions", "replies to a conversation"],
  ["v1/completions", "continues a prompt"],
  ["v1/responses", "replies to a conversation, for OpenAI's newer clients and Codex"],
  ["v1/messages", "replies to a conversation, for Anthropic's clients and Claude Code"],
  ["tokenize", "converts text or messages to tokens"],
  ["detokenize", "converts tokens to text"],
];

const DOCS = [
  "README.md: what Pagoda is and how to start it",
  "docs/api.md: each route with an example, settings for coding agents",
  "docs/operations.md: limits, keys, hosts, shutdown, failures",
  "docs/options.md: every option",
  "docs/metrics.md, docs/monitoring.md: what the metrics mean, dashboards, alerts",
];

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem;
  color: light-dark(#1c1c1c, #dedede); background: light-dark(#fdfdfb, #17181a); }
h1 { margin: 0; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
a { color: light-dark(#7a2e0e, #f0a878); }
table { border-collapse: collapse; } td { padding: .1rem 1.5rem .1rem 0; vertical-align: top; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { padding: .8rem 1rem; overflow-x: auto; border-radius: 6px; background: light-dark(#f0efe9, #232528); }
ul { padding-left: 1.2rem; }
`;

/** Allows only the page's own style, so even an injected script could not run. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  vary: "Accept",
};

export function homeRoutes(context: ServerContext) {
  return new Elysia({ name: "home" }).get("/", ({ request }) => homePage(context, request));
}

/** Sends HTML to browsers and plain text to other clients. */
function homePage(context: ServerContext, request: Request): Response {
  const isHtml = (request.headers.get("accept") ?? "").toLowerCase().includes("text/html");
  const facts = factsOf(context, request);
  const type = isHtml ? "text/html" : "text/plain";
  const headers = { ...HEADERS, "content-type": `${type}; charset=utf-8` };
  return new Response(isHtml ? htmlOf(facts) : textOf(facts), { headers });
}

interface Facts {
  readonly title: string;
  readonly links: typeof LINKS;
  /** Model name; null if only clients with a key may see it. */
  readonly model: string | null;
  readonly example: string;
}

function factsOf(context: ServerContext, request: Request): Facts {
  const needsKey = context.apiKeys.length > 0;
  const key = needsKey ? " \\\n  -H 'Authorization: Bearer <key>'" : "";
  const messages = '{"messages": [{"role": "user", "content": "Hello!"}]}';
  return {
    title: `Pagoda, with the API and metrics of vLLM ${context.version}`,
    links: context.servesDocs ? [DOCS_LINK, ...LINKS] : LINKS,
    model: needsKey ? null : modelName(context, null),
    example:
      `curl ${new URL("v1/chat/completions", seenUrl(request))}${key} \\\n` +
      `  -H 'Content-Type: application/json' \\\n  -d '${messages}'`,
  };
}

const NEEDS_KEY = "Requests must send the API key as a bearer token.";

function textOf({ title, links, model, example }: Facts): string {
  const routes = [...POSTS.map(asText("POST")), ...links.map(asText("GET"))];
  const parts = [
    title,
    model === null ? NEEDS_KEY : `It serves ${model}.`,
    routes.join("\n"),
    example,
    ["Documentation in the source tree:", ...DOCS].join("\n  "),
  ];
  return `${parts.join("\n\n")}\n`;
}

function asText(method: string) {
  return ([path, text]: readonly [string, string]) =>
    `${method.padEnd(4)}  /${path.padEnd(20)}  ${text}`;
}

function htmlOf({ title, links, model, example }: Facts): string {
  const [name = "", rest = ""] = title.split(", ", 2);
  const rows = [
    ...POSTS.map(([path, text]) => row("POST", `<code>/${path}</code>`, text)),
    ...links.map(([path, text]) => row("GET", `<a href="${path}"><code>/${path}</code></a>`, text)),
  ];
  const served = model === null ? NEEDS_KEY : `It serves <strong>${escaped(model)}</strong>.`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}</title>
<style>${STYLE}</style>
<h1>${name}</h1>
<p>An inference server ${escaped(rest)}. ${served}</p>
<h2>Routes</h2>
<table>
${rows.join("\n")}
</table>
<h2>Try it</h2>
<pre>${escaped(example)}</pre>
<h2>Documentation in the source tree</h2>
<ul>
${DOCS.map((line) => `<li>${line}</li>`).join("\n")}
</ul>
</html>
`;
}

function row(method: string, path: string, text: string): string {
  return `<tr><td><code>${method}</code></td><td>${path}</td><td>${text}</td></tr>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes HTML in model names, which the operator sets, and in the host, which the client sends. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

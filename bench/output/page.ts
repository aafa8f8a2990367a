// Template for the self-contained HTML page of every report.

import { escaped, OURS, PEER } from "./svg.ts";

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #212529; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin-bottom: 0.2rem; }
p, li { max-width: 46rem; } code { font-size: 0.85em; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.3rem 0.7rem 0.3rem 0; border-bottom: 1px solid #dee2e6; vertical-align: top; }
td { font-variant-numeric: tabular-nums; } svg { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } .quiet { color: #6c757d; }
.reached, .stretch { color: #2b8a3e; } .missed { color: #c92a2a; } .disturbed { color: #e67700; }
.ours::before, .peer::before { content: ""; display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; }
.ours::before { background: ${OURS}; } .peer::before { background: ${PEER}; }`;

/** @param body HTML, escaped where necessary */
export const htmlPage = (title: string, body: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body>
${body}
</body></html>
`;

/** @param date in ISO format */
export const shownDate = (date: string) => `${date.slice(0, 16).replace("T", " ")} UTC`;

// Rewrites a regular expression that is searched for in a string, as in JSON schemas, so that it matches whole strings.
// Grammars have no anchors.

import { ANY } from "./lark.ts";

/** @returns null for an expression with anchors inside groups */
export function searchRegex(pattern: string): string | null {
  const branches = branchesOf(pattern).map(wholeBranch);
  return branches.includes(null) ? null : `(?:${branches.join("|")})`;
}

function wholeBranch(branch: string): string | null {
  const isStart = branch.startsWith("^");
  const anchors = [...signsOf(branch)].filter(({ sign }) => sign === "^" || sign === "$");
  const isEnd = anchors.at(-1)?.at === branch.length - 1 && branch.endsWith("$");
  if (anchors.length !== Number(isStart) + Number(isEnd)) return null;
  const body = branch.slice(isStart ? 1 : 0, isEnd ? -1 : undefined);
  return `${isStart ? "" : ANY}${body}${isEnd ? "" : ANY}`;
}

/** @returns the alternatives outside groups */
function branchesOf(pattern: string): string[] {
  const branches: string[] = [];
  let start = 0;
  for (const { sign, at, depth } of signsOf(pattern)) {
    if (sign !== "|" || depth > 0) continue;
    branches.push(pattern.slice(start, at));
    start = at + 1;
  }
  return [...branches, pattern.slice(start)];
}

interface Sign {
  readonly sign: string;
  readonly at: number;
  /** Number of groups around the character. */
  readonly depth: number;
}

/** Yields the characters outside escapes and character classes. */
function* signsOf(pattern: string): Generator<Sign> {
  let depth = 0;
  let isInClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at] ?? "";
    if (sign === "\\") at++;
    else if (isInClass) isInClass = sign !== "]";
    else {
      isInClass = sign === "[";
      if (sign === ")") depth--;
      yield { sign, at, depth };
      if (sign === "(") depth++;
    }
  }
}

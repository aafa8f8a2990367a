// Lists request ids in a log line, as clients know them.

const MAX_SHOWN = 8;

/** @returns e.g. "cmpl-a, cmpl-b and 3 more": each id once, in order; "none" for an empty list */
export function listIds(ids: Iterable<string>): string {
  const unique = [...new Set(ids)];
  if (unique.length === 0) return "none";
  const numLeft = unique.length - MAX_SHOWN;
  const shown = unique.slice(0, MAX_SHOWN).join(", ");
  return numLeft > 0 ? `${shown} and ${numLeft} more` : shown;
}

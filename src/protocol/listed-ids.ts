// Lists the request ids that clients know, for a log line.

const MAX_SHOWN = 8;

/** @returns each id once and in order, e.g. "cmpl-a, cmpl-b and 3 more"; "none" for an empty list */
export function listIds(ids: Iterable<string>): string {
  const unique = [...new Set(ids)];
  if (unique.length === 0) return "none";
  const numLeft = unique.length - MAX_SHOWN;
  const shown = unique.slice(0, MAX_SHOWN).join(", ");
  return numLeft > 0 ? `${shown} and ${numLeft} more` : shown;
}

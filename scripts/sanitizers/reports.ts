// Counts the reports in a sanitizer's output.

/**
 * Matches the start of a report or of a sanitizer's internal failure. Running out of memory does not count as
 * a report.
 */
const REPORT =
  /(WARNING|ERROR): \w+Sanitizer(?! failed to allocate)|Sanitizer: CHECK failed|: runtime error: /g;

export function countReports(text: string): number {
  return text.match(REPORT)?.length ?? 0;
}

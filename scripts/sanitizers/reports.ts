// What sanitizers print, counted.

/** How a report begins, or the words of a sanitizer that cannot go on. Running out of memory is no report. */
const REPORT =
  /(WARNING|ERROR): \w+Sanitizer(?! failed to allocate)|Sanitizer: CHECK failed|: runtime error: /g;

export function countReports(text: string): number {
  return text.match(REPORT)?.length ?? 0;
}

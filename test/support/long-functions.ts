// Finds long functions in formatted TypeScript and C++. A body ends with a brace in the column where its
// signature begins.

/** Matches first lines of other blocks that a closing brace can end. */
const CONTAINERS =
  /^\s*(export |declare |abstract |template <.*> |typedef )*(class|struct|union|enum|namespace|interface|type)\b|^extern "C" \{|\bdescribe\b|(^|[=(:]) *\{$/;
/** Lines in that column that do not begin a block: ends, values in braces, labels, directives, comments. */
const PASSED = /^\s*([})]|\{.|\/\/|#(if|el|end|pragma|define)|(public|private|protected):)/;

/** @returns the 1-based first line of each function that has more than maxLines lines */
export function longFunctions(text: string, maxLines: number): number[] {
  const lines = text.split("\n");
  return lines.flatMap((line, end) => {
    if (!/^ *\}[;,)]*$/.test(line)) return [];
    const start = startOf(lines, end);
    const isSuite = /^\s*describe/.test(lines[start + 1] ?? "");
    const isShort = end - start < maxLines;
    return isShort || isSuite || CONTAINERS.test(lines[start] ?? "") ? [] : [start + 1];
  });
}

/** Index of the first line of the block that ends in line `end`. */
function startOf(lines: readonly string[], end: number): number {
  const column = indentOf(lines[end] ?? "");
  const before = lines.slice(0, end);
  return before.findLastIndex(
    (line) => line !== "" && indentOf(line) <= column && !PASSED.test(line),
  );
}

const indentOf = (line: string) => line.length - line.trimStart().length;

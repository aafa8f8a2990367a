// Every public item in the library has a doc comment: all exports of the entry points, and their members.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const LIBRARY = join(import.meta.dir, "..", "..", "src", "library");
const sourceOf = (path: string) => readFileSync(join(LIBRARY, path), "utf8");

interface Export {
  readonly name: string;
  /** File with the declaration, relative to the library. */
  readonly file: string;
}

/** Exports of an entry point, with re-exports followed to their declarations. */
function exportsOf(entry: string): Export[] {
  const source = sourceOf(entry);
  const passed = [...source.matchAll(/export (?:type )?\{([^}]+)\} from "(\.[^"]+)"/g)];
  const own = [...source.matchAll(/^export (?:async )?(?:function|class|interface|type) (\w+)/gm)];
  return [
    ...own.map(([, name = ""]) => ({ name, file: entry })),
    ...passed.flatMap(([, names = "", file = ""]) =>
      names
        .split(",")
        .map((name) => name.replace("type", "").trim())
        .filter((name) => name !== "")
        .map((name) => declarationOf({ name, file: join(dirname(entry), file) })),
    ),
  ];
}

function declarationOf({ name, file }: Export): Export {
  if (
    new RegExp(`^export .*\\b(class|interface|type|function) ${name}\\b`, "m").test(sourceOf(file))
  )
    return { name, file };
  const passed = new RegExp(`export type \\{[^}]*\\b${name}\\b[^}]*\\} from "(\\.[^"]+)"`);
  const next = passed.exec(sourceOf(file))?.[1] ?? "";
  return declarationOf({ name, file: join(dirname(file), next) });
}

/** Lines of a declaration, from the first line to the closing brace. */
function declarationLines({ name, file }: Export): { lines: string[]; before: string } {
  const lines = sourceOf(file).split("\n");
  const start = lines.findIndex((line) =>
    new RegExp(`^export .*\\b(class|interface|type|function) ${name}\\b`).test(line),
  );
  const length = lines.slice(start).findIndex((line) => /^[})]|;$/.test(line) && !/^ /.test(line));
  return { lines: lines.slice(start, start + length + 1), before: lines[start - 1] ?? "" };
}

const isDocumented = (before: string) => /\*\/\s*$/.test(before) || /\/\/ /.test(before);
const MEMBER =
  /^ {2}(?!private |#|\}|\))(?:readonly |static |async |get |\*)*(\[?[\w.]+\]?)\??[:(<]/;

function undocumentedMembers(declaration: Export): string[] {
  const { lines, before } = declarationLines(declaration);
  const own = isDocumented(before) ? [] : [declaration.name];
  const members = lines.flatMap((line, i) => {
    const member = MEMBER.exec(line)?.[1];
    const isOpen = /^export .*(class|interface)/.test(lines[0] ?? "");
    if (member === undefined || member === "constructor" || !isOpen) return [];
    return isDocumented(lines[i - 1] ?? "") ? [] : [`${declaration.name}.${member}`];
  });
  return [...own, ...members];
}

describe.each(["index.ts", "server.ts"])("the entry point %s", (entry) => {
  test("exports only items with a doc comment", () => {
    const found = exportsOf(entry);
    expect(found.length).toBeGreaterThan(4);
    expect(found.flatMap(undocumentedMembers)).toEqual([]);
  });
});

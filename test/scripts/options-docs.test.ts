// The page for users is the table's.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { optionsPage } from "../../scripts/generate-options-docs.ts";

test("docs/options.md is what the options table says", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/options.md"), "utf8");
  expect(page).toBe(optionsPage());
});

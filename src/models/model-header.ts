// Reads a model's header; the tensors can be in several files.

import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { partsOf } from "./gguf-files.ts";
import { type GgufHeader, readGgufHeader } from "./gguf-header.ts";

/**
 * Reads the first file's metadata and the tensors in all parts that exist.
 * @param path first or only file
 * @throws ConfigError as readGgufHeader() does
 */
export function readModelHeader(path: string): GgufHeader {
  const first = readGgufHeader(path);
  const names = partsOf(readdirSync(dirname(path)), basename(path));
  const others = names
    .filter((name) => name !== basename(path))
    .map((name) => readGgufHeader(join(dirname(path), name)));
  const all = [first, ...others];
  return {
    ...first,
    tensors: all.flatMap(({ tensors }) => tensors),
    fileBytes: all.reduce((sum, { fileBytes }) => sum + fileBytes, 0),
  };
}

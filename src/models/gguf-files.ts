// Chooses a repository's file for a quantization by name only, without I/O. A large model is split into
// parts named model-00001-of-00003.gguf. The first part represents the model and counts only if all
// others exist.

import { basename } from "node:path";
import { ConfigError } from "../errors.ts";

/** Quantization to use if none is named: the usual balance of size and quality. */
const PREFERRED_QUANT = "Q4_K_M";

const PART = /-(\d{5})-of-(\d{5})\.gguf$/;

/**
 * Finds a complete model among existing files.
 * @param takesAny whether to accept another quantization if none was named
 */
export function wantedIn(
  files: readonly string[],
  quant: string | null,
  takesAny: boolean,
): string | undefined {
  const whole = files.filter(
    (file) => isModelFile(file) && numParts(file) === partsOf(files, file).length,
  );
  const wanted = whole.find((file) => hasQuant(file, quant ?? PREFERRED_QUANT));
  return wanted ?? (takesAny && quant === null ? whole[0] : undefined);
}

/**
 * Chooses the requested quantization, otherwise Q4_K_M, otherwise the first file.
 * @throws ConfigError "no_such_quant", listing the available quantizations
 */
export function pickFile(repo: string, files: readonly string[], quant: string | null): string {
  const models = files.filter(isModelFile);
  const wanted = models.find((file) => hasQuant(file, quant ?? PREFERRED_QUANT));
  const picked = wanted ?? (quant === null ? models[0] : undefined);
  if (picked !== undefined) return picked;
  if (models.length === 0)
    throw new ConfigError(
      "no_such_quant",
      `${repo} has no GGUF file; choose a repository that has one, usually with -GGUF in its name`,
    );
  const known = models.map(shownQuant).join(", ");
  throw new ConfigError("no_such_quant", `${repo} has no ${quant}; available: ${known}`);
}

/**
 * @param first first part of the model, or its only file
 * @returns all parts in order. The same model split into a different number of parts is a different model
 */
export function partsOf(files: readonly string[], first: string): string[] {
  if (!PART.test(first)) return [first];
  const stem = stemOfParts(first);
  return files.filter((file) => PART.test(file) && stemOfParts(file) === stem).sort();
}

/** "model-of-00003" of model-00001-of-00003.gguf */
const stemOfParts = (file: string) => file.replace(PART, "-of-$2");

/** @returns whether a file is a model or the first part of one, not the projector of a multimodal model */
export function isModelFile(file: string): boolean {
  if (!file.endsWith(".gguf") || basename(file).includes("mmproj")) return false;
  return Number(PART.exec(file)?.[1] ?? 1) === 1;
}

function numParts(first: string): number {
  return Number(PART.exec(first)?.[2] ?? 1);
}

/** Also accepts a quantization together with the words before it, such as UD-Q4_K_XL or i1-Q4_K_M. */
function hasQuant(file: string, quant: string): boolean {
  const [stem, wanted] = [stemOf(file).toUpperCase(), quant.toUpperCase()];
  const isEnd = ["-", "."].some((separator) => stem.endsWith(separator + wanted));
  return isEnd || shownQuant(file).toUpperCase() === wanted;
}

/** @returns the quantization in the name, or the whole name if it has none */
function shownQuant(file: string): string {
  return quantOf(file) ?? stemOf(file);
}

/** @returns the quantization in a file name, e.g. Q4_K_M; null if it has none */
export function quantOf(file: string): string | null {
  const quant = /[-._](I?Q\d\w*|TQ\d\w*|BF16|F16|F32|FP16|MXFP4\w*)$/i.exec(stemOf(file))?.[1];
  return quant ?? null;
}

function stemOf(file: string): string {
  return basename(file)
    .replace(PART, "")
    .replace(/\.gguf$/, "");
}

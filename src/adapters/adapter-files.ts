// Finds an adapter's file for the addon, which reads GGUF. A folder in PEFT's format is converted to a temporary file.

import { type FileHandle, mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GgufHeader, readGgufHeader } from "../models/gguf-header.ts";
import { fileFault } from "../runtime/file-fault.ts";
import { AdapterError } from "./adapter-error.ts";
import { BufferedReader } from "./buffered-file.ts";
import { writeAdapter } from "./gguf-adapter.ts";
import { parsePeftConfig } from "./peft-config.ts";
import { convertedTensors } from "./peft-conversion.ts";
import { tensorPairs } from "./peft-tensors.ts";
import { readSafetensors } from "./safetensors.ts";
import { checkArchitecture } from "./weight-names.ts";

export interface OpenedAdapter {
  /** A GGUF file. */
  readonly path: string;
  /** Deletes the file if it is temporary. */
  close(): Promise<void>;
}

const MAX_CONFIG_BYTES = 1024 * 1024;

/** @param modelPath the model's file @returns a function that opens adapters for the model */
export function adapterOpener(modelPath: string): (path: string) => Promise<OpenedAdapter> {
  const base = readGgufHeader(modelPath);
  return (path) => openAdapter(path, base);
}

/** @throws AdapterError */
async function openAdapter(path: string, base: GgufHeader): Promise<OpenedAdapter> {
  const stats = await stat(path).catch((cause) => {
    throw notFound(path, fileFault(cause));
  });
  if (stats.isFile()) return { path, close: async () => {} };
  if (stats.isDirectory()) return convert(path, base);
  throw new AdapterError("adapter_format", `${path} is neither a file nor a folder`);
}

async function convert(folder: string, base: GgufHeader): Promise<OpenedAdapter> {
  const architecture = String(base.metadata.get("general.architecture") ?? "");
  checkArchitecture(architecture);
  const config = parsePeftConfig(await configText(folder));
  const file = await openTensors(folder);
  try {
    const pairs = tensorPairs(await readSafetensors(file));
    const input = new BufferedReader(file, (await file.stat()).size);
    const { alpha, tensors } = convertedTensors({ input, pairs, config, base, architecture });
    const { invocationTokens } = config;
    const metadata = { architecture, alpha, invocationTokens };
    return await temporary((output) => writeAdapter(output, metadata, tensors));
  } finally {
    await file.close();
  }
}

/** Creates a temporary file. If it cannot be written, deletes it. */
async function temporary(write: (file: FileHandle) => Promise<void>): Promise<OpenedAdapter> {
  const folder = await mkdtemp(join(tmpdir(), "pagoda-adapter-"));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "adapter.gguf");
    const file = await open(path, "wx", 0o600);
    await write(file).finally(() => file.close());
    return { path, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function configText(folder: string): Promise<string> {
  const path = join(folder, "adapter_config.json");
  const stats = await stat(path).catch((cause) => {
    throw notFound(folder, `adapter_config.json: ${fileFault(cause)}`);
  });
  if (stats.size > MAX_CONFIG_BYTES)
    throw new AdapterError("adapter_config", "adapter_config.json is larger than 1 MiB");
  return readFile(path, "utf8");
}

async function openTensors(folder: string): Promise<FileHandle> {
  try {
    return await open(join(folder, "adapter_model.safetensors"));
  } catch (cause) {
    const pickle = await stat(join(folder, "adapter_model.bin")).catch(() => null);
    if (pickle === null) throw notFound(folder, `adapter_model.safetensors: ${fileFault(cause)}`);
    const text = "adapter_model.bin is a pickle; save the adapter as safetensors";
    throw new AdapterError("adapter_unsupported", text);
  }
}

function notFound(path: string, reason: string): AdapterError {
  return new AdapterError("adapter_not_found", `${path}: ${reason}`);
}

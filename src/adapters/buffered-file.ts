// Reads and writes many small pieces with few system calls. An adapter has hundreds of small matrices.

import type { FileHandle } from "node:fs/promises";
import { readBytes } from "./safetensors.ts";

const BUFFER_BYTES = 1 << 20;

/** Reads ahead, since most pieces are read in file order. */
export class BufferedReader {
  readonly #file: FileHandle;
  readonly #size: number;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;

  /** @param size length of the file, in bytes */
  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** @returns a copy @throws AdapterError "adapter_truncated" */
  async read(start: number, length: number): Promise<Buffer> {
    if (start < this.#start || start + length > this.#start + this.#window.length) {
      const ahead = Math.min(Math.max(length, BUFFER_BYTES), this.#size - start);
      this.#window = await readBytes(this.#file, start, ahead);
      this.#start = start;
    }
    const offset = start - this.#start;
    return Buffer.from(this.#window.subarray(offset, offset + length));
  }
}

/** Gathers pieces until they are worth a write. */
export class BufferedWriter {
  readonly #file: FileHandle;
  #pieces: Uint8Array[] = [];
  #numBytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param bytes must not change until flush() */
  async write(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(bytes);
    this.#numBytes += bytes.length;
    if (this.#numBytes >= BUFFER_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pieces.splice(0), this.#numBytes);
    this.#numBytes = 0;
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#file.write(bytes, done, bytes.length - done)).bytesWritten;
    }
  }
}

// An in-memory stream socket with both ends in this process. Bytes arrive in random pieces after random
// delays, which depend only on the seed. A write can also be delayed further, rejected, or close the pipe.

import type { ByteSocket, Connect, SocketEvents } from "../../src/byte-socket.ts";
import type { Prng } from "./prng.ts";

/** "lose" closes both ends, "hold" delivers late, "refuse" accepts no bytes until the next drain event. */
export type WriteFate = "pass" | "lose" | "hold" | "refuse";

export interface MemoryPipeOptions {
  readonly prng: Prng;
  /** Called for each write to either end. */
  readonly fateOfWrite: () => WriteFate;
  /** Called after each delivered piece. */
  readonly onDelivered: () => void;
}

const HELD_TURNS = 60;
const REFUSED_TURNS = 30;

/** Lets other tasks run, `count` times. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

class End implements ByteSocket {
  peer: End | null = null;
  events: SocketEvents | null = null;
  isClosed = false;
  readonly #options: MemoryPipeOptions;
  readonly #pieces: { readonly bytes: Uint8Array; readonly delay: number }[] = [];
  #isPumping = false;

  constructor(options: MemoryPipeOptions) {
    this.#options = options;
  }

  write(bytes: Uint8Array): number {
    if (this.isClosed) return 0;
    const fate = this.#options.fateOfWrite();
    if (fate === "lose") {
      this.close();
      return 0;
    }
    if (fate === "refuse") {
      void turns(REFUSED_TURNS).then(() => !this.isClosed && this.events?.onDrain());
      return 0;
    }
    this.#cut(bytes.slice(), fate === "hold" ? HELD_TURNS : 0);
    void this.#pump();
    return bytes.length;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.events?.onClose();
    const { peer } = this;
    queueMicrotask(() => peer?.close());
  }

  #cut(bytes: Uint8Array, delay: number): void {
    const { prng } = this.#options;
    for (let at = 0; at < bytes.length; ) {
      const rest = bytes.length - at;
      // Short pieces often split the bytes of a message's length.
      const length = prng.chance(0.5)
        ? rest
        : prng.int(1, prng.chance(0.5) ? Math.min(3, rest) : rest);
      const end = at + length;
      this.#pieces.push({ bytes: bytes.subarray(at, end), delay: delay + prng.int(0, 3) });
      at = end;
    }
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) {
      await turns(1 + piece.delay);
      if (this.peer === null || this.peer.isClosed) break;
      this.peer.events?.onData(piece.bytes);
      this.#options.onDelivered();
    }
    this.#isPumping = false;
  }
}

/** @returns the two sides' connect functions */
export function memoryPipe(options: MemoryPipeOptions): readonly [Connect, Connect] {
  const ends = [new End(options), new End(options)] as const;
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  const connect =
    (end: End): Connect =>
    async (events) => {
      end.events = events;
      return end;
    };
  return [connect(ends[0]), connect(ends[1])];
}

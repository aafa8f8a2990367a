// A connected stream of bytes, as whoever opens one and whoever speaks over it see it.

export interface ByteSocket {
  /** Takes as many of the bytes as it can now. @returns their number */
  write(bytes: Uint8Array): number;
  close(): void;
}

export interface SocketEvents {
  /** `bytes` hold until the call returns. */
  readonly onData: (bytes: Uint8Array) => void;
  /** The socket takes bytes again. */
  readonly onDrain: () => void;
  /** Called once: the other side has gone, or close() was called. */
  readonly onClose: () => void;
}

export type Connect = (events: SocketEvents) => Promise<ByteSocket>;

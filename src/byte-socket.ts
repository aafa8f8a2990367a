// A connected stream of bytes, as seen by both its opener and its user.

export interface ByteSocket {
  /** Writes as many of the bytes as it can now. @returns their number */
  write(bytes: Uint8Array): number;
  close(): void;
}

export interface SocketEvents {
  /** @param bytes valid until the call returns */
  readonly onData: (bytes: Uint8Array) => void;
  /** Called when the socket accepts bytes again. */
  readonly onDrain: () => void;
  /** Called once, when the other side has closed or close() was called. */
  readonly onClose: () => void;
}

export type Connect = (events: SocketEvents) => Promise<ByteSocket>;

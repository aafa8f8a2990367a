// Interface of a connected byte stream, for the code that opens it and the code that uses it.

export interface ByteSocket {
  /** Writes as many bytes as the socket accepts now. @returns the number of bytes written */
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

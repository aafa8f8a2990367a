// Manages the file of a Unix socket. A killed server leaves the file behind, which would block the next
// server. A server that stops removes only its own file, since the path can belong to another server by
// then.

import { linkSync, lstatSync, renameSync, rmSync, type Stats } from "node:fs";
import { connect } from "node:net";
import { ConfigError } from "../errors.ts";

/**
 * Removes a socket that has no listener; leaves any other file in place.
 * @throws ConfigError "cannot_listen" if the socket cannot be created because another file exists or the
 *   path is empty, which would mean an unnamed socket; the system's own error if access is denied
 */
export async function clearSocketPath(path: string): Promise<void> {
  if (path === "") throw cannotListen("a Unix socket", "its path is empty");
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw cannotListen(path, otherKind(there));
  if (await isAbandoned(path)) removeSocket(path);
}

const otherKind = (there: Stats): string =>
  there.isDirectory() ? "it is a folder" : "it is a file, not a socket";

function cannotListen(place: string, reason: string): ConfigError {
  return new ConfigError("cannot_listen", `cannot listen on ${place}: ${reason}`);
}

/** @returns whether a socket has no listener */
function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error) => {
      resolve("code" in error && error.code === "ECONNREFUSED");
    });
  });
}

function removeSocket(path: string): void {
  rmSync(path, { force: true });
}

/** The file of a listening socket. It is also removed when the process exits. */
export class SocketFile {
  readonly #path: string;
  /** Identity of the file. The system does not reuse the inode while the socket is bound. */
  readonly #id: string | null;
  readonly #remove = () => {
    if (idOf(this.#path) === this.#id) removeSocket(this.#path);
  };

  /** @param path path that a socket is bound to */
  constructor(path: string) {
    this.#path = path;
    this.#id = idOf(path);
    process.once("exit", this.#remove);
  }

  /** Calls `close`, in which Bun removes any file at the path. Restores a file that is not this socket. */
  close(close: () => void): void {
    const other = idOf(this.#path) === this.#id ? null : secondName(this.#path);
    close();
    if (other === null) return;
    renameSync(other, this.#path);
    // The rename has no effect if both names still refer to the same file.
    rmSync(other, { force: true });
  }

  /** Call this after listening has ended. */
  forget(): void {
    process.off("exit", this.#remove);
  }
}

/** @returns a file's identity; null if there is none */
function idOf(path: string): string | null {
  const there = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  return there === undefined ? null : `${there.dev}:${there.ino}`;
}

/**
 * @returns a second name for a file; null if it cannot have one, such as a folder, which Bun does not
 * remove
 */
function secondName(path: string): string | null {
  const name = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    linkSync(path, name);
    return name;
  } catch {
    return null;
  }
}

// Manages the file of a Unix socket. A killed server leaves the file behind, which would block the next
// server.

import { lstatSync, rmSync, type Stats } from "node:fs";
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

export function removeSocket(path: string): void {
  rmSync(path, { force: true });
}

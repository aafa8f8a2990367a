// The file of a Unix socket: one that a killed server has left is in the way of the next and means nothing.

import { lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";

/** Whether a file is a socket on which nobody listens. */
export async function isAbandonedSocket(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
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

// Starts this program as a child process, connected by an unnamed pair of sockets. The pair has no path and no
// port, so no other process can connect and nothing is left behind.

import { dlopen } from "bun:ffi";
import { statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ByteSocket, Connect, SocketEvents } from "../byte-socket.ts";
import { ConfigError } from "../errors.ts";
import { isBundled } from "./system.ts";

/** Descriptor of the socket in the child. */
const SOCKET_FD = 3;

/** @returns the command line that runs `main.ts` with these words, from source or from an executable */
export function ownCommand(...words: string[]): string[] {
  if (isBundled()) return [ownProgram(), ...words];
  return [process.execPath, resolve(import.meta.dir, "../main.ts"), ...words];
}

/** Link to the running executable on Linux, even if its path now refers to another file. */
const SELF = "/proc/self/exe";

/**
 * The executable's path, or SELF if an update has replaced or moved the file in the meantime, since parent and
 * child must be the same version.
 */
function ownProgram(): string {
  const { execPath } = process;
  const self = statSync(SELF, { throwIfNoEntry: false });
  const named = statSync(execPath, { throwIfNoEntry: false });
  const isSame = self === undefined || (self.ino === named?.ino && self.dev === named.dev);
  return isSame ? execPath : SELF;
}

export interface ChildProcess {
  readonly pid: number;
  readonly connect: Connect;
  /** Resolves with the reason for the exit, e.g. "SIGSEGV" or "exit code 1". */
  readonly exited: Promise<string>;
  /** Sends SIGKILL, which also kills a stopped process. */
  kill(): void;
}

/** Starts a child that shares this process's stderr. */
export function startChild(command: readonly string[]): ChildProcess {
  const child = Bun.spawn([...command], {
    // Shown in process lists.
    argv0: process.execPath,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const fd = child.stdio[SOCKET_FD];
  if (typeof fd !== "number") throw new Error("the child has no socket");
  return {
    pid: child.pid,
    connect: (events) => connectTo(fd, events),
    exited: child.exited.then((code) => String(child.signalCode ?? `exit code ${code}`)),
    kill: () => child.kill("SIGKILL"),
  };
}

/** Connects a child to its parent's socket. @throws ConfigError "no_parent" */
export async function connectToParent(events: SocketEvents): Promise<ByteSocket> {
  try {
    return await connectTo(SOCKET_FD, events);
  } catch (cause) {
    const message = "only a server can start this command: there is no socket to a parent process";
    throw new ConfigError("no_parent", message, { cause });
  }
}

async function connectTo(fd: number, events: SocketEvents): Promise<ByteSocket> {
  let isClosed = false;
  const onClose = () => {
    if (isClosed) return;
    isClosed = true;
    events.onClose();
  };
  // Bun's types lack this overload of connect().
  const options: Bun.FdSocketOptions & Partial<Bun.UnixSocketOptions> = {
    fd,
    socket: {
      data: (_, bytes) => events.onData(bytes),
      drain: () => events.onDrain(),
      close: onClose,
      end: onClose,
      error: onClose,
    },
  };
  const socket = await Bun.connect(options as Bun.UnixSocketOptions);
  return { write: (bytes) => socket.write(bytes), close: () => socket.terminate() };
}

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/**
 * Makes the kernel kill this child when its parent exits, even if the child's event loop is busy or the child
 * is stopped. Works on Linux with glibc. Elsewhere, the closed socket is the only sign of the parent's exit.
 */
export function dieWithParent(): void {
  if (process.platform !== "linux") return;
  try {
    const { symbols } = dlopen("libc.so.6", {
      prctl: { args: ["int", "u64", "u64", "u64", "u64"], returns: "int" },
    });
    symbols.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  } catch {
    // Not glibc.
  }
}

/** Makes Linux kill this child first when memory runs out, instead of the parent, which can restart it. */
export function dieBeforeParent(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "300");
  } catch {
    // Not Linux, or not permitted: the larger process is killed first.
  }
}

/** Ignores stop signals, which a terminal sends to the whole process group, so the parent can handle them. */
export function ignoreStopSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

/** Kills this process immediately, even while native code is running. */
export function endNow(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("killed");
}

// This program once more, as a child: its command, its start, and the socket between the two. The socket
// is a pair that only parent and child hold: no path, no port, nobody else can connect, nothing is left behind.

import { dlopen } from "bun:ffi";
import { statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ByteSocket, Connect, SocketEvents } from "../byte-socket.ts";
import { ConfigError } from "../errors.ts";
import { isBundled } from "./system.ts";

/** Descriptor of the socket in the child. */
const SOCKET_FD = 3;

/** The command line that runs `main.ts` with these words, from source or from an executable. */
export function ownCommand(...words: string[]): string[] {
  if (isBundled()) return [ownProgram(), ...words];
  return [process.execPath, resolve(import.meta.dir, "../main.ts"), ...words];
}

/** On Linux the file that runs, whatever its path leads to by now. */
const SELF = "/proc/self/exe";

/**
 * The executable's path, or SELF where an update has replaced or moved the file meanwhile: parent and child
 * must be of one version.
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
  /** How it ended, e.g. "SIGSEGV" or "exit code 1". */
  readonly exited: Promise<string>;
  /** SIGKILL: also ends a process that is stopped. */
  kill(): void;
}

/** Its stderr is ours. */
export function startChild(command: readonly string[]): ChildProcess {
  const child = Bun.spawn([...command], {
    // What a list of processes shows.
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

/** In a child: the other end of its parent's socket. @throws ConfigError "no_parent" */
export async function connectToParent(events: SocketEvents): Promise<ByteSocket> {
  try {
    return await connectTo(SOCKET_FD, events);
  } catch (cause) {
    const message = "a server starts its engine itself: there is no socket to it here";
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
  // Bun's types have this form of connect() without its overload.
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
 * In a child: the end of the parent is the end of this process, even while its event loop is busy or it
 * is stopped. Only Linux with glibc can; elsewhere the closed socket alone tells.
 */
export function dieWithParent(): void {
  if (process.platform !== "linux") return;
  try {
    const { symbols } = dlopen("libc.so.6", {
      prctl: { args: ["int", "u64", "u64", "u64", "u64"], returns: "int" },
    });
    symbols.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  } catch {
    // Another C library.
  }
}

/** In a child: when memory runs out on Linux, this process goes first, and not the parent that can replace it. */
export function dieBeforeParent(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "300");
  } catch {
    // Another system, or not allowed: the larger process goes first.
  }
}

/** In a child: a signal to the whole group, as a terminal sends, is for the parent to act on. */
export function ignoreStopSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

/** In a child: ends it, however it goes on natively. */
export function endNow(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("killed");
}

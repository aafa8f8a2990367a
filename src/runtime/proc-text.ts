// Parses a process's files in Linux's /proc; see proc(5).

/** Clock ticks per second: 100 on every Linux that Bun supports. */
export const TICKS_PER_SECOND = 100;

/** Reads a field of /proc/PID/stat by its number, starting at 3. @returns NaN for a missing field */
export function statFields(stat: string): (number: number) => number {
  // The second field, the name, can contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (number) => Number(fields[number - 3]);
}

/**
 * Reads the resident memory from /proc/PID/status.
 * @returns NaN for a process that has exited or has no memory
 */
export function residentBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** Reads the user and system time of all threads from /proc/PID/stat. */
export function cpuSeconds(field: (number: number) => number): number {
  return (field(14) + field(15)) / TICKS_PER_SECOND;
}

/** @param number e.g. 1 for SIGHUP @returns whether the process ignores a signal, e.g. under `nohup` */
export function ignoresSignal(status: string, number: number): boolean {
  const mask = BigInt(`0x${/^SigIgn:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return ((mask >> BigInt(number - 1)) & 1n) === 1n;
}

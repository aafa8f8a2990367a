// How Linux writes what it tells of a process in /proc: see proc(5). Texts in, numbers out.

/** 100 on every Linux that Bun runs on. */
export const TICKS_PER_SECOND = 100;

/** Of the text of /proc/PID/stat. @returns a field by its number, from 3 on; NaN for one that is not there */
export function statFields(stat: string): (number: number) => number {
  // The second field, the name, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (number) => Number(fields[number - 3]);
}

/** Of the text of /proc/PID/status: memory in RAM; NaN for a process that has ended or has none. */
export function residentBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** Of the same: user and system time of all threads. */
export function cpuSeconds(field: (number: number) => number): number {
  return (field(14) + field(15)) / TICKS_PER_SECOND;
}

/** Whether that process ignores a signal, as `nohup` makes it. @param number such as 1 for SIGHUP */
export function ignoresSignal(status: string, number: number): boolean {
  const mask = BigInt(`0x${/^SigIgn:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return ((mask >> BigInt(number - 1)) & 1n) === 1n;
}

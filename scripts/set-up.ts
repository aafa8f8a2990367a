// The set-up in a process of its own: a process that started without node_modules does not find it later.

import { Checkout } from "./checkout.ts";
import { endOf } from "./tool-process.ts";

/**
 * Ends this program with the set-up's exit code if it fails. The channel between the two tells the set-up when
 * this process ends, even by SIGKILL.
 * @param flags of scripts/setup.ts
 */
export async function setUp(flags: readonly string[]): Promise<void> {
  const setup = Bun.spawn(
    [process.execPath, new Checkout().path("scripts", "setup.ts"), ...flags],
    {
      stdio: ["ignore", "inherit", "inherit"],
      detached: true,
      ipc: () => {},
    },
  );
  const exitCode = await endOf(setup);
  if (exitCode !== 0) process.exit(exitCode);
}

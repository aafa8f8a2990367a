// Runs the setup in a separate process, since a process that started without node_modules would not
// find it later.

import { Checkout } from "./checkout.ts";
import { endOf } from "./tool-process.ts";

/**
 * Runs the setup, and exits with its exit code if it fails. The IPC channel notifies the setup when
 * this process exits, even by SIGKILL.
 * @param flags for scripts/setup.ts
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

// Runs the setup in a separate process, since a process that was started without node_modules would not find
// that folder later.

import { Checkout } from "./checkout.ts";
import { endOf } from "./tool-process.ts";

/**
 * Runs the setup and, if it fails, exits with its exit code. The IPC channel notifies the setup when this
 * process exits, even because of SIGKILL.
 * @param flags flags for scripts/setup.ts
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

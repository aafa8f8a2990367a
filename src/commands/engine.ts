// `engine`: runs an engine for the parent process at the other end of the socket. Only the program itself runs this
// command, which exits when the parent exits or asks it to.

import type { ExitCode } from "../cli/exit-codes.ts";
import { startEngine } from "../engine/start-engine.ts";
import { stackOf } from "../errors.ts";
import { EngineChild } from "../process/engine-child.ts";
import {
  connectToParent,
  dieBeforeParent,
  dieWithParent,
  endNow,
  ignoreStopSignals,
} from "../runtime/child-process.ts";
import { availableMemory } from "../runtime/system.ts";
import type { CommandContext } from "./command.ts";

export async function run({ log }: CommandContext): Promise<ExitCode> {
  ignoreStopSignals();
  dieWithParent();
  dieBeforeParent();
  await EngineChild.run({
    connect: connectToParent,
    startEngine,
    availableBytes: availableMemory(),
    onEnd: (fault) => {
      if (fault !== null) log(`error: the engine has failed: ${stackOf(fault)}`);
      endNow();
    },
  });
  return new Promise<never>(() => {});
}

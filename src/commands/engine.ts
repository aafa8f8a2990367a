// `engine`, which the program starts itself: an engine for the parent that holds the other end of the
// socket. It ends with the parent, or when that tells it to.

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
      if (fault !== null) log(`error: the engine cannot go on: ${stackOf(fault)}`);
      endNow();
    },
  });
  return new Promise<never>(() => {});
}

// Leaves predictions to the draft model, which makes them during the step, after it has been planned.

import { MODEL_DRAFT } from "../request/model-draft.ts";
import type { Request } from "../request/request.ts";
import type { Proposer } from "./proposer.ts";

export class ModelProposer implements Proposer {
  propose(_request: Request, maxTokens: number): readonly number[] {
    return new Array<number>(maxTokens).fill(MODEL_DRAFT);
  }

  finish(): void {}
}

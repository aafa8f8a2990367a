// The interface of methods that predict a request's next tokens. A step verifies some of the predicted tokens, so wrong
// predictions cost time but never change the output. Proposers are synchronous and take at most 20 us per token.

import type { Request } from "../request/request.ts";

export interface Proposer {
  /**
   * Predicts tokens after a request's last token. Must be called after each step that added tokens.
   * @param maxTokens at least 1
   * @returns at most `maxTokens` tokens; none if nothing suggests a prediction
   */
  propose(request: Request, maxTokens: number): readonly number[];
  /**
   * Forgets a request that has ended. Its output can still be used to predict other requests'
   * outputs.
   */
  finish(request: Request): void;
}

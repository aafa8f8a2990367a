// The placeholder for one of the draft model's drafts.

/** A draft that the draft model predicts during the step, after it has been planned. Not a token ID. */
export const MODEL_DRAFT = -2;

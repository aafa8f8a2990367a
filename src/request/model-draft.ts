// The placeholder for a draft of the draft model.

/** A draft that the draft model predicts during the step, after it has been planned. Not a token ID. */
export const MODEL_DRAFT = -2;

// The statuses of a request, the allowed transitions between them, and the finish reason of each final status.
// Request.transition() is the only writer. Names are those of vLLM's RequestStatus. Nothing sets
// WAITING_FOR_REMOTE_KVS yet; KV connectors will.

export type LiveStatus =
  | "WAITING"
  | "WAITING_FOR_GRAMMAR"
  | "WAITING_FOR_REMOTE_KVS"
  | "RUNNING"
  | "PREEMPTED";

export type FinishedStatus =
  | "FINISHED_STOPPED"
  | "FINISHED_LENGTH_CAPPED"
  | "FINISHED_ABORTED"
  | "FINISHED_ERROR";

export type RequestStatus = LiveStatus | FinishedStatus;

/** The `finished_reason` label values, in the order `/metrics` prints them. */
export const FINISH_REASONS = ["stop", "length", "abort", "error"] as const;
/** Reason that a sequence ended. */
export type FinishReason = (typeof FINISH_REASONS)[number];

/**
 * Stop reason of a sequence that ended with "error" because its grammar left no token, or exceeded a limit. Any other
 * error is not the request's fault.
 */
export const GRAMMAR_FAILED = "grammar_failed";

/** Stop reason of a sequence that ended with "error" because its adapter could not be loaded. */
export const ADAPTER_FAILED = "adapter_failed";

/** A total map, so that a new finished status does not compile without a reason. */
export const FINISH_REASON_OF: Record<FinishedStatus, FinishReason> = {
  FINISHED_STOPPED: "stop",
  FINISHED_LENGTH_CAPPED: "length",
  FINISHED_ABORTED: "abort",
  FINISHED_ERROR: "error",
};

const FINISHED = Object.keys(FINISH_REASON_OF) as FinishedStatus[];

/** Allowed transitions. Finished statuses are final. */
export const TRANSITIONS: Record<RequestStatus, readonly RequestStatus[]> = {
  WAITING: ["RUNNING", "WAITING_FOR_GRAMMAR", "WAITING_FOR_REMOTE_KVS", ...FINISHED],
  WAITING_FOR_GRAMMAR: ["WAITING", ...FINISHED],
  WAITING_FOR_REMOTE_KVS: ["WAITING", "PREEMPTED", ...FINISHED],
  RUNNING: ["PREEMPTED", ...FINISHED],
  PREEMPTED: ["RUNNING", ...FINISHED],
  FINISHED_STOPPED: [],
  FINISHED_LENGTH_CAPPED: [],
  FINISHED_ABORTED: [],
  FINISHED_ERROR: [],
};

export function isFinished(status: RequestStatus): status is FinishedStatus {
  return status in FINISH_REASON_OF;
}

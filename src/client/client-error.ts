/** Why something cannot be done. */
export type ClientErrorCode =
  /** close() was called, before the call or while it waited. */
  | 'client_closed'
  /** The log knows no such mission. */
  | 'mission_unknown'
  /** Several missions are meant. */
  | 'mission_ambiguous'
  /** The mission has no such task, or its task no such attempt. */
  | 'task_unknown'
  | 'attempt_unknown'
  | 'mission_ended'
  /** What retry continues must have ended, and no other mission may have continued it. */
  | 'mission_open'
  | 'mission_continued'
  /** Between reading the log and the request passed too much time. */
  | 'read_too_long_ago'
  /** An attempt of it still runs, or may run and would not be ended first. */
  | 'attempt_runs'
  /** Every task is verified, and none is named. */
  | 'nothing_to_retry'
  | 'inputs_without_edit'
  /** The request has more bytes than the log takes in a record, also without what tasks have come to. */
  | 'mission_too_large'
  /** There is no snapshot of this wave, its files lie elsewhere, or they are not those that the log names. */
  | 'snapshot_unknown'
  | 'snapshot_elsewhere'
  | 'snapshot_changed'
  /** What would be restored is not what was shown. */
  | 'workspace_changed'
  /** Those of the tasks that have run in the workspace cannot be taken; the message says why. */
  | 'locks_unavailable'
  /** It is paused, or is not. */
  | 'already_paused'
  | 'not_paused'
  /** The budget cannot be so, or is so already. */
  | 'budget_invalid'
  /** No plan waits for an answer, or the mission asks nothing. */
  | 'nothing_to_answer'
  /** Another revision of the plan waits than the one that was named. */
  | 'plan_changed'
  | 'answer_empty'
  /** An answer or a reason is longer than an assignment can carry. */
  | 'text_too_long'
  /** No call waits under this id, or several begin with it. */
  | 'approval_unknown'
  | 'approval_ambiguous'
  /** The call was answered before, or can be approved no more. */
  | 'approval_decided'
  | 'approval_changed'
  | 'approval_expired'
  /** The swarm does not take the answer; the message says why. */
  | 'answer_void'
  /** The swarm does not take the request; the message says why. */
  | 'request_void'
  /** There is no dead letter with this id. */
  | 'letter_unknown'
  /** Another operator handles the dead letter, or has handled it. */
  | 'letter_handled'
  /** Neither an orchestrator nor a worker reads this topic. */
  | 'topic_not_folded'
  | 'partition_unknown'
  /** The partition has lost nothing. */
  | 'nothing_lost'
  /** The partition has lost records, and acceptLoss was not given. */
  | 'loss_not_accepted'
  /** A running process serves the partition. */
  | 'partition_held';

/** What was asked cannot be done: an unknown mission, one that has ended, nothing to answer. */
export class ClientError extends Error {
  readonly retriable = false;

  constructor(
    readonly code: ClientErrorCode,
    message: string,
    /** What to do about it; null: nothing can be done. */
    readonly nextStep: string | null,
  ) {
    super(message);
    this.name = 'ClientError';
  }
}

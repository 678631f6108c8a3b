/** What was asked cannot be done: an unknown mission, one that has ended, nothing to answer. */
export class ClientError extends Error {
  readonly retriable = false;

  constructor(
    readonly code:
      | 'mission_unknown'
      | 'task_unknown'
      | 'attempt_unknown'
      | 'mission_ended'
      | 'nothing_to_answer'
      | 'answer_empty'
      | 'letter_unknown'
      | 'letter_handled',
    message: string,
    /** What to do about it; null: nothing can be done. */
    readonly nextStep: string | null,
  ) {
    super(message);
    this.name = 'ClientError';
  }
}

/** What a step can be besides a tool call. It imports no file of this folder, so that each of them can import it. */
import type { ModelErrorCode } from '../ports/model.js';

/** The pseudo-tool with which a model says that it is done; the worker answers it by running the checks. */
export const FINISH = 'finish';

/** Why the chain moves on from a model. */
export interface PassedWhy {
  readonly cause: ModelErrorCode | 'budget';
  /** Whether the same question may be answered another time. */
  readonly retriable: boolean;
  /** For the next model and for people; names the model. */
  readonly text: string;
}

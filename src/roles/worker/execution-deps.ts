import type { AgentSpec } from '../../domain/agent-spec.js';
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { HeldClaim } from '../shared/partition-life.js';
import type { ReadBack } from './read-back.js';

/** What one execution of an attempt under one claim is given. */
export interface ExecutionDeps {
  readonly spec: AgentSpec;
  readonly attempt: TaskAttempt;
  readonly held: HeldClaim;
  readonly readBack: ReadBack;
  readonly topic: string;
  readonly partition: number;
  /** The attempt as folded now. */
  current(): TaskAttempt;
  /** Whether its claim still holds and the attempt is open. An attempt that the fold has forgotten has ended. */
  isOurs(): boolean;
  /** Its mission is paused: the next execution under this claim has so much of the deadline left, ms. */
  onSuspended(remainingMs: number): void;
  /** It has waited for too long for its mission to be resumed, and ends. */
  isSuspensionOver(): boolean;
}

import type { TopicNames } from '../../domain/topic-names.js';
import type { VerifyRequest } from '../../domain/requests.js';
import type { VerifyAnswer } from '../../domain/waiting-call.js';
import type { Clock, Ids } from '../../ports/clock.js';
import type { Appender, Log, PartitionId } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import type { Metrics, Reading } from '../../ports/metrics.js';
import type { Tracing } from '../../ports/tracing.js';
import type { ProcessVitals } from '../../ports/vitals.js';
import type { RoleHealth } from './role-health.js';

/** A long-running part of the swarm: machines plus their effects. */
export interface Role {
  /** Resolves when the role has joined its groups. */
  start(): Promise<void>;
  /** Drains: nothing new starts, what runs has graceMs to end; then offsets are committed and the groups left. */
  stop(graceMs: number): Promise<void>;
  /** Resolves with the reason when the role cannot continue; then the process ends and a supervisor restarts it. */
  readonly failed: Promise<Error>;
  /** How it is now, also while it starts and drains. */
  health(): RoleHealth;
  /** What it adds to the gauges of its process now. */
  readings(): readonly Reading[];
}

/**
 * held: its claim was read back. released: the group took it back, or the process leaves. lost: another process has
 * claimed it meanwhile.
 */
export type PartitionChange = 'held' | 'released' | 'lost';

/** What every role of a process shares. */
export interface RoleDeps {
  readonly log: Log;
  /** The process's two batching appenders; their creator closes them, after the roles have stopped. */
  readonly appenders: { readonly coordination: Appender; readonly tasks: Appender };
  readonly clock: Clock;
  readonly ids: Ids;
  /** off: this process runs commands without a sandbox. */
  readonly sandbox?: 'off';
  /** A number of at least 0 and below 1. */
  random(): number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where spans go; absent: no traces are sent. */
  readonly tracing?: Tracing;
  readonly vitals: ProcessVitals;
  /** Which models this role uses, and why, on one line; absent: it does not say. */
  readonly models?: string;
  readonly topics: TopicNames;
  /** What a person should correct although the role works; absent: nothing. */
  warnings?(): readonly string[];
  /** Whether an answer about a call that waits is that of a person who may give it. Absent: every answer is. */
  readonly verifyAnswer?: VerifyAnswer;
  /** Whether a person's request is that of one who may ask it. Absent: every request is, signed or not. */
  readonly verifyRequest?: VerifyRequest;
  /** host:port at which the process serves artifacts and outputs of its tasks; absent: it does not. */
  readonly httpAddress?: string;
  /** Called after each change; absent: only the log's debug lines say it. */
  onPartition?(change: PartitionChange, partition: PartitionId): void;
  /** Names this process in claims and signs of life; unique. */
  readonly processId: string;
}

import type { TopicNames } from '../domain/topic-names.js';
import type { Redact } from '../domain/redaction.js';
import type { Clock, Ids } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';

/** What the composition takes from the process that it runs in; it never asks the process itself. */
export interface SwarmContext {
  readonly clock: Clock;
  readonly ids: Ids;
  /** At least 0, below 1. */
  random(): number;
  readonly logger: Logger;
  /** What events, prompts, outputs and replies pass (domain/redaction.ts). */
  readonly redact: Redact;
  readonly topics: TopicNames;
  /** Aborted when opening and starting should end at once. */
  readonly signal: AbortSignal;
  /** Tells this process from the others of the swarm, such as HOST-PID. */
  readonly processName: string;
}

import type { Signer } from '../agent/signatures.js';
import type { Redact } from '../domain/redaction.js';
import type { VerifyRequest } from '../domain/requests.js';
import type { TopicNames } from '../domain/topic-names.js';
import type { TraceContext } from '../domain/trace-context.js';
import type { Clock, Ids } from '../ports/clock.js';
import type { Log } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';

/** What a client of the swarm takes from the process that it runs in. */
export interface ClientContext {
  readonly clock: Clock;
  readonly ids: Ids;
  /** At least 0, below 1. */
  random(): number;
  readonly logger: Logger;
  /** What texts for the log pass. Absent: what has the form of a secret is replaced. */
  readonly redact?: Redact;
  readonly topics: TopicNames;
  /** Aborted when waiting should end. */
  readonly signal: AbortSignal;
  /** Who asks, as the events say it: USER@HOST, or the signer's name. */
  readonly requester: string;
  /** off: this process runs commands without a sandbox, and each of its events says so. */
  readonly sandbox?: 'off';
  /** The trace that missions continue which are requested here. Absent: each has its own. */
  readonly caller?: TraceContext;
  /** Signs what only people write. Absent: nothing is signed. */
  readonly signer?: Signer;
  /** What is done about dead letters counts only where this says so. Absent: all of it does. */
  verifyHandling?(log: Pick<Log, 'clusterId'>): Promise<VerifyRequest>;
}

/** An open log, and what is released before it is closed. */
export interface LogSession {
  readonly log: Log;
  onEnd(name: string, release: () => Promise<void>): void;
}

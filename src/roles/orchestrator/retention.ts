/**
 * Deletes what has been handled and is old enough. Brokers do not: one that deletes by age deletes open work, too.
 * Any number of processes may do it side by side, for deleting what is gone is nothing.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import type { LogAdmin } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import { asError } from '../../domain/as-error.js';

/** How long a topic's records are wanted after its group has handled them. */
export interface RetentionRule {
  readonly topic: string;
  readonly groupId: string;
  readonly retentionMs: number;
}

export interface RetentionDeps {
  readonly admin: LogAdmin;
  readonly clock: Clock;
  readonly logger: Logger;
  /** As they are now. */
  rules(): readonly RetentionRule[];
}

export interface Retention {
  /** Applies every rule once. A topic that fails is logged and has its turn again the next time. */
  run(): Promise<void>;
  /** Runs once, and again whenever intervalMs have passed since. */
  start(intervalMs: number): void;
  /** Resolves when the request under way has been answered; no other follows. */
  stop(): Promise<void>;
}

export function createRetention({ admin, clock, logger, rules }: RetentionDeps): Retention {
  let stopped = false;
  let timer: Timer | null = null;
  let running: Promise<void> = Promise.resolve();

  async function apply({ topic, groupId, retentionMs }: RetentionRule): Promise<void> {
    const young = await admin.offsetAtTime(topic, clock.now() - retentionMs);
    const committed = (await admin.committed(groupId, topic)).filter(isReplayPoint);
    for (const { partition, low } of await admin.offsets(topic)) {
      const beforeOffset = Math.min(at(young, partition), at(committed, partition));
      if (stopped || beforeOffset <= low) continue;
      await admin.deleteRecords(topic, partition, beforeOffset);
      logger.info({ topic, partition, before_offset: beforeOffset, records: beforeOffset - low }, 'retention.deleted');
    }
  }

  async function run(): Promise<void> {
    for (const rule of rules()) {
      if (stopped) return;
      try {
        await apply(rule);
      } catch (error) {
        logger.warn({ err: asError(error), topic: rule.topic }, 'retention.failed');
      }
    }
  }

  async function runEvery(intervalMs: number): Promise<void> {
    await run();
    if (!stopped) timer = clock.setTimer(intervalMs, () => start(intervalMs));
  }

  function start(intervalMs: number): void {
    running = runEvery(intervalMs);
  }

  return {
    run,
    start,
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}

/** A commit without the fold's state is another tool's: records before it may still be needed. */
function isReplayPoint({ metadata }: { readonly metadata: string }): boolean {
  return metadata !== '';
}

/** Offset of a partition; 0, which deletes nothing, where there is none (added since, or nothing was committed). */
function at(
  offsets: readonly { readonly partition: number; readonly offset: number | null }[],
  partition: number,
): number {
  return offsets.find((each) => each.partition === partition)?.offset ?? 0;
}

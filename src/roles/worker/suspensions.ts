/**
 * The attempts of one tasks partition that wait because their missions are paused. None waits without end: the mission
 * may be gone with its topic, and an open attempt keeps its partition's records from being deleted.
 */
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { Timer } from '../../ports/clock.js';
import type { WorkerContext } from './worker-context.js';

export interface Suspensions {
  /** The attempt may have to wait, under the held claim: its time runs. */
  begin(attemptKey: string): void;
  /** It has ended its step, and waits with so much of its deadline left. */
  onWaiting(attemptKey: string, remainingMs: number): void;
  /** It has waited for too long: its next execution ends it. */
  isOver(attemptKey: string): boolean;
  /** The attempt with what its deadline had left when it began to wait under this claim. */
  withTimeLeft(attempt: TaskAttempt): TaskAttempt;
  /** It may continue. */
  end(attemptKey: string): void;
  /** It is open no more. */
  forget(attemptKey: string): void;
  /** The claim is lost, or nothing new starts any more. */
  reset(): void;
}

export interface SuspensionsDeps {
  attempt(attemptKey: string): TaskAttempt | undefined;
  /** The attempt has something to do. */
  resume(attemptKey: string): void;
}

export function createSuspensions({ deps: { clock }, timings }: WorkerContext, deps: SuspensionsDeps): Suspensions {
  const timers = new Map<string, Timer>();
  const over = new Set<string>();
  const left = new Map<string, number>();

  function end(key: string): void {
    timers.get(key)?.cancel();
    timers.delete(key);
    over.delete(key);
  }

  return {
    begin(key) {
      const sinceMs = deps.attempt(key)?.suspendedSinceMs ?? null;
      if (sinceMs === null || timers.has(key) || over.has(key)) return;
      const waitMs = Math.max(0, sinceMs + timings.suspendedMs - clock.now());
      const timer = clock.setTimer(Math.min(waitMs, timings.suspendedMs), () => {
        timers.delete(key);
        over.add(key);
        deps.resume(key);
      });
      timers.set(key, timer);
    },
    onWaiting: (key, remainingMs) => void left.set(key, remainingMs),
    isOver: (key) => over.has(key),
    withTimeLeft(attempt) {
      const remainingMs = left.get(attempt.key) ?? attempt.remainingMs;
      left.delete(attempt.key);
      return { ...attempt, remainingMs };
    },
    end,
    forget(key) {
      end(key);
      left.delete(key);
    },
    reset() {
      for (const key of [...timers.keys(), ...over]) end(key);
      left.clear();
    },
  };
}

/** A process of the swarm: it can be paused while time passes, and die at any moment. */
import type { Clock, Timer } from '../../src/ports/clock.js';
import { EPOCH_MS, type World } from './world.js';

export interface SimProcess {
  readonly id: string;
  readonly clock: Clock;
  isAlive(): boolean;
  isStalled(): boolean;
  /** Runs a callback in this process after a delay: later if it is paused then, never if it is dead. */
  later(delayMs: number, callback: () => void): () => void;
  /** Is paused, as after SIGSTOP: events that arrive meanwhile wait. */
  stall(durationMs: number): void;
  /** SIGCONT. */
  wake(): void;
  /** As SIGKILL: no callback runs any more. */
  kill(): void;
  onDeath(listener: () => void): void;
  /** The wall clock jumps; the monotonic one does not. */
  jumpClock(byMs: number): void;
}

/** Events that waited for a paused process run within this time after it resumes, in any order. */
const BACKLOG_MS = 50;

export function createSimProcess(world: World, id: string): SimProcess {
  let alive = true;
  let stalledUntilMs = -1;
  let jumpedMs = 0;
  let backlog: (() => void)[] = [];
  let endStall: (() => void) | null = null;
  const listeners: (() => void)[] = [];

  const isStalled = (): boolean => world.now() < stalledUntilMs;
  const arrive = (callback: () => void): void => {
    if (!alive) return;
    if (isStalled()) backlog.push(callback);
    else callback();
  };

  const wake = (): void => {
    endStall?.();
    endStall = null;
    stalledUntilMs = -1;
    const waiting = backlog;
    backlog = [];
    for (const callback of waiting) world.at(world.random.next() * BACKLOG_MS, () => arrive(callback));
  };

  function later(delayMs: number, callback: () => void): () => void {
    let cancelled = false;
    const cancel = world.at(delayMs, () =>
      arrive(() => {
        if (!cancelled) callback();
      }),
    );
    return () => {
      cancelled = true;
      cancel();
    };
  }

  return {
    id,
    later,
    isStalled,
    wake,
    isAlive: () => alive,
    clock: {
      now: () => Math.round(EPOCH_MS + world.now() + jumpedMs),
      monotonicMs: () => world.now(),
      setTimer(delayMs, callback): Timer {
        return { cancel: later(delayMs, callback) };
      },
    },
    stall(durationMs) {
      endStall?.();
      stalledUntilMs = world.now() + durationMs;
      endStall = world.at(durationMs, wake);
    },
    kill() {
      alive = false;
      backlog = [];
      for (const listener of listeners) listener();
    },
    onDeath: (listener) => void listeners.push(listener),
    jumpClock(byMs) {
      jumpedMs += byMs;
    },
  };
}

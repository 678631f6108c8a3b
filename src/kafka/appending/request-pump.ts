import type { Timer } from '../../ports/clock.js';
import type { TakenBatch } from '../waiting-records.js';
import { createNextRequest, type NextRequestParts } from './next-request.js';

export interface RequestPumpParts extends NextRequestParts {
  /** Sends one request and deals with its outcome; never rejects. */
  send(batches: readonly TakenBatch[]): Promise<void>;
}

/** Sends requests one after the other until nothing waits. */
export interface RequestPump {
  /** Starts after the current tick, so that everything appended in it goes in one request. */
  wake(): void;
  /** Resolves when nothing waits and nothing is being sent. */
  idle(): Promise<void>;
}

export function createRequestPump(parts: RequestPumpParts): RequestPump {
  const { clock, waiting, topics, send } = parts;
  const nextRequest = createNextRequest(parts);
  let pumping = false;
  let retryTimer: Timer | null = null;
  let onIdle: (() => void) | null = null;

  const wake = () => {
    if (pumping) return;
    pumping = true;
    retryTimer?.cancel();
    retryTimer = null;
    queueMicrotask(() => void pump());
  };

  const pump = async () => {
    for (let batches = nextRequest(); batches.length > 0; batches = nextRequest()) await send(batches);
    pumping = false;
    const queues = waiting.queues();
    if (queues.length === 0) return onIdle?.();
    // A queue whose topic is being looked up is woken by the answer.
    const times = queues.filter(({ topic }) => !topics.isLookingUp(topic)).map(({ retryAtMs }) => retryAtMs);
    if (times.length > 0) retryTimer = clock.setTimer(Math.max(1, Math.min(...times) - clock.monotonicMs()), wake);
  };

  return {
    wake,
    async idle() {
      if (pumping || waiting.queues().length > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    },
  };
}

/** Which worker processes live and what they hold, as the status topic tells. */
import type { EventOf } from '../../domain/events.js';
import type { Clock } from '../../ports/clock.js';

export interface LiveWorkers {
  onSign(event: EventOf<'heartbeat' | 'status_report' | 'service_stopped'>): void;
  hasWorker(agent: string): boolean;
  /**
   * When a worker that serves the agent was seen last, or this process began to look; null while one is live. ms
   * since the epoch.
   */
  withoutWorkerSinceMs(agent: string): number | null;
  /** Whether it has watched for so long that a live worker would have given a sign. */
  observedFullInterval(): boolean;
  /** Processes that hold the topic's partitions; null when some partition has no holder. */
  holdersOf(topic: string, partitionCount: number): readonly string[] | null;
  /** Calls back after a sign of life has changed which agents have a worker or who holds what. */
  subscribe(listener: () => void): void;
}

interface Sign {
  /** In listening time. */
  readonly atMs: number;
  readonly agents: readonly string[];
  /** topic/partition */
  readonly held: ReadonlySet<string>;
}

/**
 * Silence is measured in the time in which this process listened: an orchestrator that was busy for long has the signs
 * of life of that time still to read, and must not take their writers for gone. Its own signs come with the others, so
 * that between two of them a third of silentMs counts at most.
 */
function createListeningTime(clock: Clock, silentMs: number): () => number {
  let listenedMs = 0;
  let lastMs = clock.monotonicMs();
  return () => {
    const nowMs = clock.monotonicMs();
    listenedMs += Math.min(nowMs - lastMs, silentMs / 3);
    lastMs = nowMs;
    return listenedMs;
  };
}

export function createLiveWorkers(clock: Clock, silentMs: number): LiveWorkers {
  const listenedMs = createListeningTime(clock, silentMs);
  const signs = new Map<string, Sign>();
  const listeners: (() => void)[] = [];
  const lookingSinceMs = clock.now();
  const lastSeenMs = new Map<string, number>();
  const seen = (agents: readonly string[]) => agents.forEach((agent) => lastSeenMs.set(agent, clock.now()));
  const hasWorker = (agent: string) => live().some(([, sign]) => sign.agents.includes(agent));
  const live = () => {
    const nowMs = listenedMs();
    return [...signs].filter(([, sign]) => nowMs - sign.atMs < silentMs);
  };

  return {
    onSign(event) {
      listenedMs();
      if (event.event_type === 'service_stopped') {
        seen(signs.get(event.payload.service_name)?.agents ?? []);
        signs.delete(event.payload.service_name);
      } else if (event.payload.role === 'worker') {
        seen(event.payload.agents);
        signs.set(event.payload.worker_id, signOf(event, listenedMs()));
      }
      for (const listener of listeners) listener();
    },
    hasWorker,
    withoutWorkerSinceMs: (agent) => (hasWorker(agent) ? null : (lastSeenMs.get(agent) ?? lookingSinceMs)),
    observedFullInterval: () => listenedMs() >= silentMs,
    holdersOf(topic, partitionCount) {
      const workers = live();
      const holders = new Set<string>();
      for (let partition = 0; partition < partitionCount; partition++) {
        const holder = workers.find(([, sign]) => sign.held.has(`${topic}/${partition}`));
        if (holder === undefined) return null;
        holders.add(holder[0]);
      }
      return [...holders];
    },
    subscribe: (listener) => void listeners.push(listener),
  };
}

function signOf({ payload }: EventOf<'heartbeat' | 'status_report'>, atMs: number): Sign {
  return {
    atMs,
    agents: payload.agents,
    held: new Set(payload.partitions.map(({ topic, partition }) => `${topic}/${partition}`)),
  };
}

/**
 * An orchestrator of the product in this process, and a worker too where one is wanted; missions for them, and what
 * happens to them.
 */
import type { EventOf } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { buildPlan, type PlanDraft } from '../../src/domain/plan.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import type { Appender, Log, LogRecord } from '../../src/ports/log.js';
import type { ChatModel } from '../../src/ports/model.js';
import type { ToolExecutor } from '../../src/ports/tools.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createDeferred } from '../../src/domain/deferred.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';
import { COORDINATION_PARTITIONS } from '../pressure/events.js';
import type { BenchLog } from './bench-log.js';
import { specOf, startOrchestrator, startWorker } from './bench-roles.js';
import { closeOnce } from './closing.js';
import { requestPayload } from './request-payload.js';

/** What the orchestrator has appended and read, with the time by this process's monotonic clock, in ms. */
export interface Witness {
  onAssigned?(key: string, atMs: number): void;
  onCompleted?(key: string, atMs: number): void;
}

export interface BenchSwarmOptions {
  readonly bench: Pick<BenchLog, 'topics' | 'agents' | 'workspaceMarker'> & { readonly log: Log };
  /** Tasks that each agent runs side by side. */
  readonly concurrency: number;
  /** Of a task; default 5. */
  readonly maxSteps?: number;
  /** A worker in this process; absent: the workers are elsewhere. */
  readonly worker?: { readonly model: ChatModel; readonly tools: ToolExecutor };
  readonly witness?: Witness;
}

export interface BenchSwarm {
  readonly agents: readonly string[];
  /** Requests a mission whose waves have these tasks, by agent; resolves with its id once it is acknowledged. */
  submit(waves: readonly (readonly string[])[], partition?: number): Promise<string>;
  /** Resolves when it has ended; rejects when it did not complete. */
  completed(missionId: string): Promise<void>;
  close(): Promise<void>;
}

export async function startBenchSwarm({
  bench,
  concurrency,
  maxSteps = 5,
  worker,
  witness = {},
}: BenchSwarmOptions): Promise<BenchSwarm> {
  const { log, topics, agents } = bench;
  const clock = createSystemClock();
  const roster = agents.map((name) => specOf(name, concurrency, maxSteps));
  const ends = new Map<string, ReturnType<typeof createDeferred<void>>>();
  const endOf = (id: string) => {
    const end = ends.get(id) ?? createDeferred<void>();
    ends.set(id, end);
    return end;
  };

  function onRecord({ topic, content }: LogRecord): void {
    if (topic !== topics.coordination || content.kind !== 'event') return;
    const { event } = content;
    switch (event.event_type) {
      case 'task_completed':
        return witness.onCompleted?.(attemptKey(event.payload), performance.now());
      case 'mission_completed':
        return endOf(event.payload.mission_id).resolve();
      case 'mission_failed':
      case 'mission_cancelled':
        return endOf(event.payload.mission_id).reject(new Error(`${event.event_type}: ${event.payload.reason}`));
    }
  }

  const running = await Promise.all([
    startOrchestrator({ log: readingLog(log, onRecord), topics, roster }, (appender) =>
      assigningAppender(appender, (event) => witness.onAssigned?.(attemptKey(event.payload), performance.now())),
    ),
    ...(worker === undefined ? [] : [startWorker({ log, topics, roster }, worker.model, worker.tools)]),
  ]);
  const requests = log.createAppender('requests');
  const createEvent = createEventFactory({ clock, ids: createSystemIds() });
  let count = 0;

  return {
    agents,
    async submit(waves, partition = (count += 1) % COORDINATION_PARTITIONS) {
      const id = createMissionId({ nowMs: clock.now(), partition, random: Math.random });
      void endOf(id).promise.catch(() => undefined); // the caller that waits for it handles it
      const event = createEvent({
        type: 'mission_requested',
        from: 'bench',
        missionId: id,
        payload: requestPayload(bench, {
          mission_id: id,
          agents: [...agents],
          plan: buildPlan(draftOf(waves), { roster, agents, done: [] }),
        }),
      });
      await requests.append({ topic: topics.coordination, partition, key: id, event });
      return id;
    },
    async completed(id) {
      await endOf(id).promise;
      ends.delete(id);
    },
    close: closeOnce(async () => {
      await Promise.all(running.map((role) => role.stop()));
      await requests.close();
    }),
  };
}

const draftOf = (waves: readonly (readonly string[])[]): PlanDraft => ({
  strategy: 'One after the other.',
  waves: waves.map((names, index) => ({
    waveNumber: index + 1,
    rationale: 'As given.',
    tasks: names.map((agent) => ({
      agent,
      description: 'Do nothing.',
      playbook: null,
      acceptance: [],
      timeoutSeconds: null,
    })),
  })),
  risks: [],
  successCriteria: [],
});

/** The log, and what of it is read. */
function readingLog(log: Log, onRecord: (record: LogRecord) => void): Log {
  return {
    ...log,
    joinGroup: (options) =>
      log.joinGroup({
        ...options,
        open(assignment) {
          const consumer = options.open(assignment);
          return {
            ...consumer,
            onRecords(records) {
              consumer.onRecords(records);
              for (const record of records) onRecord(record);
            },
          };
        },
      }),
  };
}

/** The appender, and what is appended with it. */
function assigningAppender(appender: Appender, onAssigned: (event: EventOf<'task_assigned'>) => void): Appender {
  return {
    ...appender,
    append(request) {
      if (request.event.event_type === 'task_assigned') onAssigned(request.event);
      return appender.append(request);
    },
  };
}

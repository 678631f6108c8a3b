/** The worker role: one consumer group for each agent that the process serves, and what it says of itself. */
import { createEventFactory } from '../../domain/event-factory.js';
import { createDeferred, type Deferred } from '../../domain/deferred.js';
import type { Reading } from '../../ports/metrics.js';
import { MOST_SENDING } from '../shared/outbox.js';
import { repeat } from '../shared/repeat.js';
import type { Role } from '../shared/role.js';
import { createSlots, type Slots } from '../shared/slots.js';
import { createAgentRevisions } from './agent-revisions.js';
import { createMissionSender } from './mission-sender.js';
import { createServedAgents, type ServedAgents } from './served-agents.js';
import { createSharedText } from './shared-text.js';
import { DEFAULT_WORKER_TIMINGS, type WorkerContext, type WorkerDeps } from './worker-context.js';
import { createWorkerGroups, type WorkerGroups } from './worker-groups.js';
import { timedSlots } from './timed-slots.js';
import { openWorkerPartition } from './worker-partition.js';
import { createWorkerStatus, type WorkerStatus } from './worker-status.js';

/** The parts of a worker. Each is made before anything refers to it, but for partitions, which are opened later. */
interface Parts {
  readonly context: WorkerContext;
  readonly groups: WorkerGroups;
  readonly status: WorkerStatus;
  readonly served: ServedAgents;
  readonly slots: AgentSlots;
  readonly failed: Deferred<Error>;
  commitAll(): Promise<void>;
  committing: { stop(): void } | null;
  ignoreAgents(): void;
}

export function createWorker(given: WorkerDeps): Role {
  const parts = createParts(given);
  return {
    failed: parts.failed.promise,
    health: parts.status.health,
    readings: () => [...parts.status.readings(), ...parts.slots.readings()],
    start: () => start(parts),
    stop: (graceMs) => stop(parts, graceMs),
  };
}

function createParts(given: WorkerDeps): Parts {
  const deps: WorkerDeps = {
    ...given,
    warnings: () => [...(given.warnings?.() ?? []), ...served.warnings()],
  };
  const timings = { ...DEFAULT_WORKER_TIMINGS, ...deps.timings };
  const createEvent = createEventFactory(deps);
  const failed = createDeferred<Error>();
  const onFatal = (error: Error) => failed.resolve(error);
  const groups = createWorkerGroups({
    ...deps,
    handlers: {
      open: (agent, assignment) => status.partitions.open(openWorkerPartition(context, agent, assignment)),
      onSetApart: (groupId, apart) => status.blocked.setApart(groupId, apart),
    },
    stalledMs: timings.stalledMs,
    onFatal,
  });
  const status = createWorkerStatus(deps, { createEvent, groups, heartbeatMs: timings.heartbeatMs, onFatal });
  const slots = createAgentSlots(deps);
  const context: WorkerContext = {
    deps,
    timings,
    createEvent,
    blocked: status.blocked,
    shareText: createSharedText(),
    verifyAnswer: deps.verifyAnswer ?? (() => null),
    slotsOf: slots.of,
    revisions: createAgentRevisions(deps, timings.revisionMs),
    isAssigned: groups.isAssigned,
    sending: { accepted: createSlots(MOST_SENDING), results: createSlots(MOST_SENDING) },
    sendToMission: createMissionSender(deps, createEvent, onFatal),
    onHeldChanged: status.onHeldChanged,
    onStepEnded: status.onStepEnded,
    onFatal,
  };
  const commitAll = () => groups.commitAll(status.partitions.all());
  const { joinAgainMs } = timings;
  const { all: partitions } = status.partitions;
  const onServedChanged = status.onHeldChanged;
  const served = createServedAgents({ ...deps, groups, joinAgainMs, partitions, commitAll, onServedChanged });
  const later = { committing: null, ignoreAgents: () => undefined };
  return { context, groups, status, served, slots, failed, commitAll, ...later };
}

async function start(parts: Parts): Promise<void> {
  const { context, groups, status, served, slots, commitAll } = parts;
  const { clock, agents } = context.deps;
  await status.begin();
  context.revisions.onChanged(); // agents that came since this worker was made
  await groups.joinAll(agents.list().map(({ name }) => name));
  await status.onJoined();
  parts.ignoreAgents = agents.subscribe(() => {
    slots.resize();
    context.revisions.onChanged();
    served.onChanged();
  });
  const commitAndLeave = async () => {
    await commitAll();
    served.leaveDone();
  };
  parts.committing = repeat(clock, context.timings.commitMs, commitAndLeave, context.onFatal);
  // Agents that came, changed or went while the groups were joined.
  slots.resize();
  context.revisions.onChanged();
  served.onChanged();
}

async function stop(parts: Parts, graceMs: number): Promise<void> {
  const { context, groups, status, served, commitAll } = parts;
  const { logger } = context.deps;
  parts.ignoreAgents();
  logger.info({ running: status.onDraining(), grace_ms: graceMs }, 'worker.draining');
  parts.committing?.stop();
  context.revisions.stop();
  await served.stop(); // a group that is being joined now gives no partition that nothing drains
  await Promise.all(status.partitions.all().map((partition) => partition.drain(graceMs)));
  await commitAll();
  await groups.leave();
  await status.end();
  logger.info({}, 'worker.stopped');
}

interface AgentSlots {
  of(agent: string): Slots;
  /** How many attempts wait for them. */
  readings(): readonly Reading[];
  /** The agents have changed. */
  resize(): void;
}

/** The concurrency of each agent, as its file says it now. */
function createAgentSlots({ agents, clock, metrics }: Pick<WorkerDeps, 'agents' | 'clock' | 'metrics'>): AgentSlots {
  const slots = new Map<string, Slots>();
  const limitOf = (agent: string) => agents.list().find(({ name }) => name === agent)?.concurrency ?? 1;
  return {
    of(agent) {
      const taken = (waitedMs: number) => metrics.slotTaken(agent, waitedMs);
      const known = slots.get(agent) ?? timedSlots(createSlots(limitOf(agent)), clock, taken);
      slots.set(agent, known);
      return known;
    },
    readings: () => [...slots].map(([agent, of]) => ({ gauge: 'tasksQueued', labels: { agent }, value: of.waiting() })),
    resize() {
      for (const { name, concurrency } of agents.list()) slots.get(name)?.resize(concurrency);
    },
  };
}

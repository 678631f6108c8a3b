/**
 * The orchestrator role: member of the group that holds the coordination topic. It plans and watches; it never
 * executes.
 */
import { createDeferred } from '../../domain/deferred.js';
import { createEventFactory } from '../../domain/event-factory.js';
import { DEFAULT_TIMINGS } from '../../domain/mission-timers.js';
import type { Watch } from '../../ports/log.js';
import { MOST_SENDING } from '../shared/outbox.js';
import { repeat } from '../shared/repeat.js';
import { DEFAULT_STALLED_MS } from '../shared/role-health.js';
import type { Logger } from '../../ports/logger.js';
import type { Role } from '../shared/role.js';
import { createSlots } from '../shared/slots.js';
import { createAgentSettings } from './agent-settings.js';
import { createCapWatch, type CapWatch } from './daily-cap.js';
import { createLiveWorkers } from './live-workers.js';
import { openMissionPartition } from './mission-partition.js';
import type { OrchestratorContext, OrchestratorDeps, OrchestratorTimings } from './orchestrator-context.js';
import { createOrchestratorGroup } from './orchestrator-group.js';
import { createOrchestratorStatus, type OrchestratorStatus } from './orchestrator-status.js';
import { createRetention } from './retention.js';
import { createTaskPartitions } from './task-partitions.js';
import { createVoidRequests } from './void-requests.js';
import { watchWorkers } from './worker-watch.js';

const DEFAULT_ORCHESTRATOR_TIMINGS: OrchestratorTimings = {
  ...DEFAULT_TIMINGS,
  commitMs: 500,
  heartbeatMs: 5_000,
  retentionMs: 3_600_000,
  silentMs: 15_000,
  stalledMs: DEFAULT_STALLED_MS,
};

export function createOrchestrator(deps: OrchestratorDeps): Role {
  const { log, clock, logger } = deps;
  const timings = { ...DEFAULT_ORCHESTRATOR_TIMINGS, ...deps.timings };
  const createEvent = createEventFactory(deps);
  const failed = createDeferred<Error>();
  const onFatal = (error: Error) => failed.resolve(error);
  const group = createOrchestratorGroup(deps, { stalledMs: timings.stalledMs, onFatal });
  const cap = createCapWatch(clock, deps.dailyCap ?? { usd: null, tokens: null });
  const { heartbeatMs } = timings;
  const status = createOrchestratorStatus(deps, { createEvent, group, heartbeatMs, cap, onFatal });
  const { partitions, blocked } = status;
  const retention = createRetention({ admin: log.admin, clock, logger, rules: deps.retention ?? (() => []) });
  const live = createLiveWorkers(clock, timings.silentMs);
  live.subscribe(() => partitions.all().forEach((partition) => partition.onLiveChanged()));
  cap.subscribe(() => {
    logCap(logger, cap);
    partitions.all().forEach((partition) => partition.onCapChanged());
  });
  const commitAll = () => group.commit(partitions.all());
  const onAgentsChanged = () => partitions.all().forEach((partition) => partition.onAgentsChanged());
  let ignoreAgents = (): void => undefined;
  let statusWatch: Watch | null = null;
  let committing: { stop(): void } | null = null;

  return {
    failed: failed.promise,
    ...{ health: status.health, readings: status.readings },
    async start() {
      const shared = { deps, timings, createEvent, live, cap, blocked, isAssigned: group.isAssigned, onFatal };
      const context = await createContext(shared, status, onAgentsChanged);
      ignoreAgents = deps.roster.subscribe(() => {
        context.agents.onAgentsChanged();
        context.taskPartitions.onAgentsChanged();
        onAgentsChanged();
      });
      context.taskPartitions.onAgentsChanged(); // those that came while the others were counted
      statusWatch = await watchWorkers(context);
      await group.join({
        open: (assignment) => partitions.open(openMissionPartition(context, assignment)),
        onSetApart: blocked.setApart,
      });
      await context.presence.start();
      committing = repeat(clock, timings.commitMs, commitAll, onFatal);
      retention.start(timings.retentionMs);
    },
    async stop() {
      status.onDraining();
      logger.info({}, 'orchestrator.draining');
      ignoreAgents();
      committing?.stop();
      cap.stop();
      await Promise.all([retention.stop(), ...partitions.all().map((partition) => partition.drain())]);
      await commitAll();
      await group.leave();
      await statusWatch?.stop();
      await status.end();
      logger.info({}, 'orchestrator.stopped');
    },
  };
}

function logCap(logger: Logger, cap: CapWatch): void {
  const reached = cap.reached();
  if (reached === null) logger.info({}, 'daily_cap.lifted');
  else logger.warn({ reason: reached.reason }, 'daily_cap.reached');
}

type Shared = 'deps' | 'timings' | 'createEvent' | 'live' | 'cap' | 'blocked' | 'isAssigned' | 'onFatal';

/** Reads which topics of tasks there are, and opens the status topic. */
async function createContext(
  shared: Pick<OrchestratorContext, Shared>,
  status: OrchestratorStatus,
  onCounted: () => void,
): Promise<OrchestratorContext> {
  const { deps } = shared;
  const taskPartitions = await createTaskPartitions({ ...deps, admin: deps.log.admin, onCounted });
  const presence = await status.begin();
  return {
    ...shared,
    agents: createAgentSettings(deps.roster),
    presence,
    taskPartitions,
    voidRequests: createVoidRequests(deps),
    sending: createSlots(MOST_SENDING),
    onHeldChanged: () => presence.heartbeatSoon(),
  };
}

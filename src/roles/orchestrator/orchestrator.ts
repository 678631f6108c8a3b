/**
 * The orchestrator role: member of the group that holds the coordination topic. It plans and watches; it never
 * executes.
 */
import { DEFAULT_TIMINGS } from '../../domain/mission-timers.js';
import type { GroupMember, Watch } from '../../ports/log.js';
import { publishCircuitEvents } from '../shared/circuit-events.js';
import { createBlockedPartitions } from '../shared/blocked-partitions.js';
import { createCommits } from '../shared/commits.js';
import { createEventFactory } from '../../domain/event-factory.js';
import { createAgentSettings } from './agent-settings.js';
import { createLiveWorkers } from './live-workers.js';
import { openMissionPartition, type MissionPartition } from './mission-partition.js';
import type { OrchestratorContext, OrchestratorDeps, OrchestratorTimings } from './orchestrator-context.js';
import { MOST_SENDING } from '../shared/outbox.js';
import { createPresence, type Presence, type Vitals } from '../shared/presence.js';
import { createOpenPartitions, healthOfMembers } from '../shared/open-partitions.js';
import { repeat } from '../shared/repeat.js';
import { createRetention } from './retention.js';
import { createDeferred } from '../../domain/deferred.js';
import type { Role } from '../shared/role.js';
import { DEFAULT_STALLED_MS, type RoleHealth } from '../shared/role-health.js';
import { createSlots } from '../shared/slots.js';
import { createTaskPartitions } from './task-partitions.js';

const DEFAULT_ORCHESTRATOR_TIMINGS: OrchestratorTimings = {
  ...DEFAULT_TIMINGS,
  commitMs: 500,
  heartbeatMs: 5_000,
  retentionMs: 3_600_000,
  silentMs: 15_000,
  stalledMs: DEFAULT_STALLED_MS,
};

export function createOrchestrator(deps: OrchestratorDeps): Role {
  const { log, clock, logger, topics, processId } = deps;
  const timings = { ...DEFAULT_ORCHESTRATOR_TIMINGS, ...deps.timings };
  const createEvent = createEventFactory(deps);
  const failed = createDeferred<Error>();
  const live = createLiveWorkers(clock, timings.silentMs);
  const commits = createCommits(logger);
  const blocked = createBlockedPartitions({ logger, processId, presence: () => presence, isReady: () => true });
  const partitions = createOpenPartitions<MissionPartition>(blocked);
  const retention = createRetention({ admin: log.admin, clock, logger, rules: deps.retention ?? [] });
  let member: GroupMember | null = null;
  let draining = false;
  let presence: Presence | null = null;
  let statusWatch: Watch | null = null;
  let committing: { stop(): void } | null = null;
  let stopCircuitEvents: () => void = () => undefined;

  live.subscribe(() => {
    for (const partition of partitions.all()) partition.onLiveChanged();
  });

  const vitals = (): Vitals => ({
    role: 'orchestrator',
    agents: [],
    running: [],
    blocked: blocked.list(),
    steps_done: 0,
    partitions: [...partitions.held()],
  });

  function health(): RoleHealth {
    const { missing, stalled } = healthOfMembers(new Map([[topics.orchestratorGroup, member]]), timings.stalledMs);
    return {
      missing: [...(draining ? ['the orchestrator is draining'] : []), ...missing, ...partitions.missing()],
      stalled,
      held: partitions.held(),
    };
  }

  async function createContext(): Promise<OrchestratorContext> {
    const taskPartitions = await createTaskPartitions({ ...deps, admin: log.admin });
    const ownPresence = await createPresence(deps, createEvent, {
      intervalMs: timings.heartbeatMs,
      vitals,
      onFatal: failed.resolve,
    });
    return {
      deps,
      timings,
      createEvent,
      agents: createAgentSettings(deps.roster),
      live,
      presence: ownPresence,
      blocked,
      taskPartitions,
      sending: createSlots(MOST_SENDING),
      isAssigned: (partition) => member?.isAssigned(partition) ?? true,
      onHeldChanged: () => ownPresence.heartbeatSoon(),
      onFatal: failed.resolve,
    };
  }

  /** Heartbeats show who serves what; live processes are asked immediately, so that no task waits for the next heartbeat. */
  async function watchWorkers(context: OrchestratorContext): Promise<void> {
    statusWatch = await log.watch({
      topics: [topics.status],
      from: 'end',
      onRecord({ content }) {
        if (content.kind !== 'event') return;
        const { event } = content;
        if (event.event_type === 'service_stopped') return live.onSign(event);
        if (event.event_type !== 'heartbeat' && event.event_type !== 'status_report') return;
        live.onSign(event);
        context.taskPartitions.onHeld(event.payload.partitions);
      },
      onFatal: failed.resolve,
    });
    context.presence.send({
      type: 'request_status',
      from: processId,
      payload: { request_id: deps.ids.uuid(), requested_by: processId },
    });
  }

  return {
    failed: failed.promise,
    health,
    async start() {
      const context = await createContext();
      presence = context.presence;
      stopCircuitEvents = publishCircuitEvents(deps.circuits, presence, processId);
      await watchWorkers(context);
      member = await log.joinGroup({
        groupId: topics.orchestratorGroup,
        topics: [topics.coordination],
        open: (assignment) => partitions.open(openMissionPartition(context, assignment)),
        onSetApart: (apart) => blocked.setApart(topics.orchestratorGroup, apart),
        onFatal: failed.resolve,
      });
      await context.presence.start();
      const joined = member;
      committing = repeat(clock, timings.commitMs, () => commits.run(joined, partitions.all()), failed.resolve);
      retention.start(timings.retentionMs);
    },
    async stop() {
      draining = true;
      logger.info({}, 'orchestrator.draining');
      committing?.stop();
      await Promise.all([retention.stop(), ...partitions.all().map((partition) => partition.drain())]);
      if (member !== null) await commits.run(member, partitions.all());
      await member?.leave();
      stopCircuitEvents();
      await statusWatch?.stop();
      await presence?.stop();
      logger.info({}, 'orchestrator.stopped');
    },
  };
}

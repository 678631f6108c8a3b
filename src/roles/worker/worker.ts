/** The worker role: one consumer group for each agent that the process serves, and what it says of itself. */
import type { AgentSpec } from '../../domain/agent-spec.js';
import { AppendDropped, AppendFailed, type GroupMember } from '../../ports/log.js';
import { tellOfCircuits } from '../shared/circuit-news.js';
import { createBlockedPartitions } from '../shared/blocked-partitions.js';
import { createCommits } from '../shared/commits.js';
import { createEventFactory } from '../../domain/event-factory.js';
import { createPresence, type Presence, type Vitals } from '../shared/presence.js';
import { createOpenPartitions, healthOfMembers } from '../shared/open-partitions.js';
import { repeat } from '../shared/repeat.js';
import { asError } from '../../domain/as-error.js';
import { createDeferred } from '../../domain/deferred.js';
import type { Role } from '../shared/role.js';
import type { RoleHealth } from '../shared/role-health.js';
import { MOST_SENDING } from '../shared/outbox.js';
import { createSharedText } from './shared-text.js';
import { createSlots } from '../shared/slots.js';
import { DEFAULT_WORKER_TIMINGS, type WorkerContext, type WorkerDeps } from './worker-context.js';
import { openWorkerPartition, type WorkerPartition } from './worker-partition.js';

export function createWorker(deps: WorkerDeps): Role {
  const { log, clock, logger, topics, processId, appenders } = deps;
  const timings = { ...DEFAULT_WORKER_TIMINGS, ...deps.timings };
  const createEvent = createEventFactory(deps);
  const failed = createDeferred<Error>();
  const slots = new Map(deps.agents.map((agent) => [agent.name, createSlots(agent.concurrency)]));
  /** By group; null until it has joined. */
  const members = new Map<string, GroupMember | null>(
    deps.agents.map((agent) => [topics.workerGroup(agent.name), null]),
  );
  const memberOf = (agent: string) => members.get(topics.workerGroup(agent)) ?? null;
  const commits = createCommits(logger);
  let presence: Presence | null = null;
  let announcedReady = false;
  let stopCircuitNews: () => void = () => undefined;
  let stepsDone = 0;
  let draining = false;
  let committing: { stop(): void } | null = null;
  const blocked = createBlockedPartitions({
    logger,
    processId,
    presence: () => presence,
    isReady: () => announcedReady,
  });
  const partitions = createOpenPartitions<WorkerPartition>(blocked);

  const context: WorkerContext = {
    deps,
    timings,
    createEvent,
    blocked,
    shareText: createSharedText(),
    slotsOf: (agent) => slots.get(agent) ?? createSlots(1),
    isAssigned: (partition, agent) => memberOf(agent)?.isAssigned(partition) ?? true,
    sending: { accepted: createSlots(MOST_SENDING), results: createSlots(MOST_SENDING) },
    async sendToMission({ assignment, assignmentId }, news) {
      const partition = assignment.source?.partition;
      if (partition === undefined) return;
      const event = createEvent({
        causedBy: assignmentId,
        ...news,
        from: assignment.agent,
        to: 'orchestrator',
        missionId: assignment.mission_id,
      });
      try {
        await appenders.coordination.append({
          topic: topics.coordination,
          partition,
          key: assignment.mission_id,
          event,
        });
      } catch (error) {
        if (error instanceof AppendFailed) context.onFatal(error);
        else if (!(error instanceof AppendDropped))
          logger.warn({ err: asError(error), event_type: news.type }, 'news.not_sent');
      }
    },
    onHeldChanged() {
      announceReady();
      presence?.beatSoon();
    },
    onStepEnded(agent, outcome) {
      stepsDone += 1;
      deps.metrics.stepEnded(agent, outcome);
    },
    onFatal: (error) => failed.resolve(error),
  };

  function vitals(): Vitals {
    const all = partitions.all();
    return {
      role: 'worker',
      blocked: blocked.list(),
      agents: deps.agents.map((agent) => agent.name),
      partitions: [...partitions.held()],
      running: all
        .flatMap((each) => each.running())
        .map((execution) => {
          const { mission_id, task_id, attempt } = execution.attempt.assignment;
          return { mission_id, task_id, attempt, step: execution.step() };
        }),
      steps_done: stepsDone,
    };
  }

  function health(): RoleHealth {
    const { missing, stalled } = healthOfMembers(members, timings.stalledMs);
    return {
      missing: [...(draining ? ['the worker is draining'] : []), ...missing, ...partitions.missing()],
      stalled,
      held: partitions.held(),
    };
  }

  /** Ready once every partition that the groups gave us was read back as held. */
  function announceReady(): void {
    if (announcedReady || presence === null || health().missing.length > 0) return;
    announcedReady = true;
    presence.send({ type: 'service_ready', from: processId, payload: service('ready') });
    logger.info({ agents: deps.agents.length, partitions: partitions.all().length }, 'worker.ready');
  }

  const service = (status: string) => ({
    service_name: processId,
    status,
    container_id: null,
    health_check_url: null,
    error_message: null,
    metadata: { agents: deps.agents.map((agent) => agent.name).join(',') },
  });

  async function join(agent: AgentSpec): Promise<void> {
    const groupId = topics.workerGroup(agent.name);
    const member = await log.joinGroup({
      groupId,
      topics: [topics.tasks(agent.name)],
      open: (assignment) => partitions.open(openWorkerPartition(context, agent, assignment)),
      onSetApart: (apart) => blocked.setApart(groupId, apart),
      onFatal: context.onFatal,
    });
    members.set(groupId, member);
  }

  /** Rejects only when every join has ended: a member that is there afterwards is one that stop() knows. */
  async function joinAll(): Promise<void> {
    const joined = await Promise.allSettled(deps.agents.map(join));
    for (const end of joined) if (end.status === 'rejected') throw end.reason;
  }

  async function commitAll(): Promise<void> {
    await Promise.all(
      deps.agents.map(async ({ name }) => {
        const member = memberOf(name);
        if (member !== null)
          await commits.run(
            member,
            partitions.all().filter((each) => each.agent === name),
          );
      }),
    );
  }

  return {
    failed: failed.promise,
    health,
    async start() {
      presence = await createPresence(deps, createEvent, {
        intervalMs: timings.heartbeatMs,
        vitals,
        onFatal: context.onFatal,
      });
      stopCircuitNews = tellOfCircuits(deps.circuits, presence, processId);
      presence.send({ type: 'service_starting', from: processId, payload: service('starting') });
      await joinAll();
      await presence.start();
      committing = repeat(clock, timings.commitMs, commitAll, context.onFatal);
      announceReady();
      if (deps.impediment)
        presence.send({
          type: 'service_unhealthy',
          from: processId,
          payload: { ...service('unhealthy'), error_message: deps.impediment },
        });
    },
    async stop(graceMs) {
      draining = true;
      logger.info({ running: vitals().running.length, grace_ms: graceMs }, 'worker.draining');
      committing?.stop();
      await Promise.all(partitions.all().map((partition) => partition.drain(graceMs)));
      await commitAll();
      await Promise.all([...members.values()].map(async (member) => member?.leave()));
      stopCircuitNews();
      presence?.send({ type: 'service_stopped', from: processId, payload: service('stopped') });
      await presence?.stop();
      logger.info({}, 'worker.stopped');
    },
  };
}

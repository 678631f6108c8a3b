/** The worker role: one consumer group for each agent that the process serves, and what it says of itself. */
import type { AgentSpec } from '../domain/agent-spec.js';
import { AppendDropped, AppendFailed, type GroupMember } from '../ports/log.js';
import { createCommits } from './commits.js';
import { createEventFactory } from './event.js';
import { createPresence, type Presence, type Vitals } from './presence.js';
import { repeat } from './repeat.js';
import { asError, createDeferred, type Role } from './role.js';
import { createSharedText } from './shared-text.js';
import { createSlots } from './slots.js';
import { DEFAULT_WORKER_TIMINGS, type WorkerContext, type WorkerDeps } from './worker-context.js';
import { openWorkerPartition, type WorkerPartition } from './worker-partition.js';

/** More than an appender puts into one request; so many of the 100,000 that a take-over may have to send wait in it at once. */
const MOST_SENDING = 1_000;

export function createWorker(deps: WorkerDeps): Role {
  const { log, clock, logger, topics, processId, appenders } = deps;
  const timings = { ...DEFAULT_WORKER_TIMINGS, ...deps.timings };
  const createEvent = createEventFactory(deps);
  const failed = createDeferred<Error>();
  const slots = new Map(deps.agents.map((agent) => [agent.name, createSlots(agent.concurrency)]));
  const members = new Map<string, GroupMember>();
  const partitions = new Set<WorkerPartition>();
  const commits = createCommits(logger);
  let presence: Presence | null = null;
  let announcedReady = false;
  let committing: { stop(): void } | null = null;

  const context: WorkerContext = {
    deps, timings, createEvent, shareText: createSharedText(),
    slotsOf: (agent) => slots.get(agent) ?? createSlots(1),
    isAssigned: (partition, agent) => members.get(agent)?.isAssigned(partition) ?? true,
    sending: { accepted: createSlots(MOST_SENDING), results: createSlots(MOST_SENDING) },
    async sendToMission({ assignment }, news) {
      const partition = assignment.source?.partition;
      if (partition === undefined) return;
      const event = createEvent({ ...news, from: assignment.agent, to: 'orchestrator', missionId: assignment.mission_id });
      try {
        await appenders.coordination.append({ topic: topics.coordination, partition, key: assignment.mission_id, event });
      } catch (error) {
        if (error instanceof AppendFailed) context.onFatal(error);
        else if (!(error instanceof AppendDropped)) logger.warn({ err: asError(error), event_type: news.type }, 'news.not_sent');
      }
    },
    onHeldChanged() {
      announceReady();
      presence?.beatSoon();
    },
    onUnhealthy(reason) {
      presence?.send({ type: 'service_unhealthy', from: processId, payload: { ...service('unhealthy'), error_message: reason } });
    },
    onFatal: (error) => failed.resolve(error),
  };

  function vitals(): Vitals {
    const all = [...partitions];
    return {
      role: 'worker',
      agents: deps.agents.map((agent) => agent.name),
      partitions: all.filter((each) => each.held()).map(({ topic, partition }) => ({ topic, partition })),
      running: all.flatMap((each) => each.running()).map((execution) => {
        const { mission_id, task_id, attempt } = execution.attempt.assignment;
        return { mission_id, task_id, attempt, step: execution.step() };
      }),
    };
  }

  /** Ready once every partition that the groups gave us was read back as held. */
  function announceReady(): void {
    if (announcedReady || presence === null || members.size < deps.agents.length || ![...partitions].every((each) => each.held())) return;
    announcedReady = true;
    presence.send({ type: 'service_ready', from: processId, payload: service('ready') });
    logger.info({ agents: deps.agents.length, partitions: partitions.size }, 'worker.ready');
  }

  const service = (status: string) => ({
    service_name: processId, status, container_id: null, health_check_url: null, error_message: null,
    metadata: { agents: deps.agents.map((agent) => agent.name).join(',') },
  });

  async function join(agent: AgentSpec): Promise<void> {
    const member = await log.joinGroup({
      groupId: topics.workerGroup(agent.name),
      topics: [topics.tasks(agent.name)],
      open(assignment) {
        const partition = openWorkerPartition(context, agent, assignment);
        partitions.add(partition);
        return {
          ...partition,
          onClosed() {
            partition.onClosed();
            partitions.delete(partition);
          },
        };
      },
      onFatal: context.onFatal,
    });
    members.set(agent.name, member);
  }

  async function commitAll(): Promise<void> {
    await Promise.all([...members].map(([agent, member]) => commits.run(member, [...partitions].filter((each) => each.agent === agent))));
  }

  return {
    failed: failed.promise,
    async start() {
      presence = await createPresence(deps, createEvent, { intervalMs: timings.heartbeatMs, vitals, onFatal: context.onFatal });
      presence.send({ type: 'service_starting', from: processId, payload: service('starting') });
      await Promise.all(deps.agents.map(join));
      await presence.start();
      committing = repeat(clock, timings.commitMs, commitAll, context.onFatal);
      announceReady();
      if (deps.impediment) context.onUnhealthy(deps.impediment);
    },
    async stop(graceMs) {
      logger.info({ running: vitals().running.length, grace_ms: graceMs }, 'worker.draining');
      committing?.stop();
      await Promise.all([...partitions].map((partition) => partition.drain(graceMs)));
      await commitAll();
      await Promise.all([...members.values()].map((member) => member.leave()));
      presence?.send({ type: 'service_stopped', from: processId, payload: service('stopped') });
      await presence?.stop();
      logger.info({}, 'worker.stopped');
    },
  };
}


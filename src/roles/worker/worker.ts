/** The worker role: one consumer group for each agent that the process serves, and what it says of itself. */
import { createEventFactory } from '../../domain/event-factory.js';
import { createDeferred } from '../../domain/deferred.js';
import { MOST_SENDING } from '../shared/outbox.js';
import { repeat } from '../shared/repeat.js';
import type { Role } from '../shared/role.js';
import { createSlots } from '../shared/slots.js';
import { createMissionSender } from './mission-sender.js';
import { createSharedText } from './shared-text.js';
import { DEFAULT_WORKER_TIMINGS, type WorkerContext, type WorkerDeps } from './worker-context.js';
import { createWorkerGroups } from './worker-groups.js';
import { openWorkerPartition } from './worker-partition.js';
import { createWorkerStatus } from './worker-status.js';

export function createWorker(deps: WorkerDeps): Role {
  const { clock, logger, agents } = deps;
  const timings = { ...DEFAULT_WORKER_TIMINGS, ...deps.timings };
  const createEvent = createEventFactory(deps);
  const failed = createDeferred<Error>();
  const onFatal = (error: Error) => failed.resolve(error);
  const groups = createWorkerGroups({ ...deps, stalledMs: timings.stalledMs, onFatal });
  const status = createWorkerStatus(deps, { createEvent, groups, heartbeatMs: timings.heartbeatMs, onFatal });
  const { partitions } = status;
  const slots = new Map(agents.map((agent) => [agent.name, createSlots(agent.concurrency)]));
  const context: WorkerContext = {
    deps,
    timings,
    createEvent,
    blocked: status.blocked,
    shareText: createSharedText(),
    verifyAnswer: deps.verifyAnswer ?? (() => null),
    slotsOf: (agent) => slots.get(agent) ?? createSlots(1),
    isAssigned: groups.isAssigned,
    sending: { accepted: createSlots(MOST_SENDING), results: createSlots(MOST_SENDING) },
    sendToMission: createMissionSender(deps, createEvent, onFatal),
    onHeldChanged: status.onHeldChanged,
    onStepEnded(agent, outcome) {
      status.onStepEnded();
      deps.metrics.stepEnded(agent, outcome);
    },
    onFatal,
  };
  const commitAll = () => groups.commitAll(partitions.all());
  let committing: { stop(): void } | null = null;

  return {
    failed: failed.promise,
    health: status.health,
    async start() {
      await status.begin();
      await groups.joinAll({
        open: (agent, assignment) => partitions.open(openWorkerPartition(context, agent, assignment)),
        onSetApart: status.blocked.setApart,
      });
      await status.onJoined();
      committing = repeat(clock, timings.commitMs, commitAll, onFatal);
    },
    async stop(graceMs) {
      logger.info({ running: status.onDraining(), grace_ms: graceMs }, 'worker.draining');
      committing?.stop();
      await Promise.all(partitions.all().map((partition) => partition.drain(graceMs)));
      await commitAll();
      await groups.leave();
      await status.end();
      logger.info({}, 'worker.stopped');
    },
  };
}

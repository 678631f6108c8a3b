/** Which agents' groups a worker is in, while agents come and go: joins those of new ones, leaves those of old ones. */
import type { LiveAgents } from '../../agent/live-agents.js';
import { asError } from '../../domain/as-error.js';
import type { Clock, Timer } from '../../ports/clock.js';
import type { Logger } from '../../ports/logger.js';
import type { WorkerGroups } from './worker-groups.js';
import type { WorkerPartition } from './worker-partition.js';

export interface ServedAgents {
  /** The agents have changed. */
  onChanged(): void;
  /** Leaves the groups of agents that are gone, once no attempt of theirs is open any more. */
  leaveDone(): void;
  /** Why agents are not served although they should be, one sentence each. */
  warnings(): readonly string[];
  /** Resolves when no change is under way; no other follows. */
  stop(): Promise<void>;
}

export interface ServedAgentsDeps {
  readonly agents: LiveAgents;
  readonly groups: WorkerGroups;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly joinAgainMs: number;
  partitions(): readonly WorkerPartition[];
  commitAll(): Promise<void>;
  /** A group was joined or left. */
  onServedChanged(): void;
}

interface Parts extends ServedAgentsDeps {
  /** By agent: why its group is not joined. */
  readonly notJoined: Map<string, string>;
  stopped: boolean;
  later: Timer | null;
  pending: Promise<void> | null;
  isAskedAgain: boolean;
}

export function createServedAgents(deps: ServedAgentsDeps): ServedAgents {
  const parts: Parts = {
    ...deps,
    notJoined: new Map(),
    stopped: false,
    later: null,
    pending: null,
    isAskedAgain: false,
  };
  return {
    onChanged: () => start(parts),
    leaveDone() {
      if (parts.pending === null && toLeave(parts).length > 0) start(parts);
    },
    warnings: () => [...parts.notJoined.values()],
    async stop() {
      parts.stopped = true;
      parts.later?.cancel();
      await parts.pending;
    },
  };
}

/** One change after the other: a group is not joined while it is left. */
function start(parts: Parts): void {
  if (parts.stopped) return;
  parts.isAskedAgain = true;
  parts.pending ??= run(parts).finally(() => {
    parts.pending = null;
    if (parts.isAskedAgain) start(parts); // asked in the moment between its last look and its end
  });
}

async function run(parts: Parts): Promise<void> {
  try {
    while (parts.isAskedAgain && !parts.stopped) {
      parts.isAskedAgain = false;
      await reconcile(parts);
    }
  } catch (error) {
    parts.logger.warn({ err: asError(error) }, 'agent.not_left');
  }
}

async function reconcile(parts: Parts): Promise<void> {
  const { groups, notJoined, clock } = parts;
  const wanted = listed(parts);
  const joined = groups.joined();
  for (const agent of notJoined.keys()) if (!wanted.includes(agent)) notJoined.delete(agent);
  const changes = [
    ...wanted.filter((agent) => !joined.includes(agent)).map((agent) => join(parts, agent)),
    ...toLeave(parts).map((agent) => leave(parts, agent)),
  ];
  await Promise.all(changes);
  if (changes.length > 0) parts.onServedChanged();
  if (notJoined.size === 0 || parts.stopped) return;
  parts.later?.cancel();
  parts.later = clock.setTimer(parts.joinAgainMs, () => start(parts));
}

const listed = ({ agents }: Parts): readonly string[] => agents.list().map(({ name }) => name);

const partitionsOf = ({ partitions }: Parts, agent: string): readonly WorkerPartition[] =>
  partitions().filter((partition) => partition.agent === agent);

/** Agents that are gone and of which no attempt is open. */
function toLeave(parts: Parts): readonly string[] {
  const wanted = listed(parts);
  return parts.groups
    .joined()
    .filter((agent) => !wanted.includes(agent) && partitionsOf(parts, agent).every((partition) => partition.isDone()));
}

async function join({ groups, logger, notJoined }: Parts, agent: string): Promise<void> {
  try {
    await groups.join(agent);
    notJoined.delete(agent);
    logger.info({ agent }, 'agent.served');
  } catch (cause) {
    const error = asError(cause);
    const why = `${agent} is not served yet: ${error.message}`;
    // It is tried again and again: the same reason is said once.
    if (notJoined.get(agent) !== why) logger.warn({ agent, error }, 'agent.not_joined');
    notJoined.set(agent, why);
  }
}

/** Its attempts have ended: nothing is interrupted. */
async function leave(parts: Parts, agent: string): Promise<void> {
  await Promise.all(partitionsOf(parts, agent).map((partition) => partition.drain(0)));
  await parts.commitAll();
  await parts.groups.leaveOne(agent);
  parts.logger.info({ agent }, 'agent.not_served');
}

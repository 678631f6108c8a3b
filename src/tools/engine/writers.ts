/**
 * Containers that may write to a mission's workspace run only while the call does that has started them: checks and
 * lists of files that follow it judge what stays.
 */
import { z } from 'zod';
import type { Provided } from '../secrets.js';
import { WritersNotStopped } from '../../ports/tools.js';
import { reasonOf } from '../system-errors.js';
import { PROJECT_LABEL, projectName } from './project.js';
import { ask, createLookup, PATIENCE_MS, type EngineAddress } from './upstream.js';

/** On each container that may write to the workspace. Clients cannot set it. */
export const WRITES_LABEL = 'ravenhelm.writes';

/** Those that the running calls of this process have started. */
const started = new Set<ReadonlySet<string>>();

export interface Writers {
  /** Of the start of one: awaits the engine's answer. It must not be broken off: the engine would continue. */
  starts<T>(id: string, begun: Promise<T>): Promise<T>;
  /**
   * Awaits starts, and stops all. Rejects with WritersNotStopped, also where the engine has not answered a start, which
   * may still come.
   */
  stop(): Promise<void>;
}

/** Those of one call. */
export function createWriters(engine: EngineAddress): Writers {
  const ids = new Set<string>();
  const starting = new Set<Promise<unknown>>();
  started.add(ids);
  return {
    starts(id, begun) {
      ids.add(id);
      starting.add(begun);
      return begun.finally(() => starting.delete(begun));
    },
    async stop() {
      try {
        const ends = await Promise.allSettled(starting);
        await stopAll(engine, [...ids]);
        for (const end of ends) if (end.status === 'rejected') notStopped(end.reason);
      } finally {
        started.delete(ids);
      }
    },
  };
}

const listed = z.array(
  z.object({
    Id: z.string().regex(/^[0-9a-f]{64}$/),
    State: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);
const AT_REST = ['created', 'configured', 'exited', 'stopped', 'dead'];

/**
 * Stops those of a mission that no call of this process has started: a worker that was killed leaves them. Without an
 * engine there are none. Rejects with WritersNotStopped.
 */
export async function stopLeftWriters(engine: Provided<EngineAddress> | null, missionId: string): Promise<void> {
  if (engine?.ok !== true) return;
  const project = projectName(missionId);
  const label = [`${PROJECT_LABEL}=${project}`, WRITES_LABEL];
  const path = `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label }))}`;
  const found = await createLookup(
    engine.value,
    AbortSignal.timeout(PATIENCE_MS),
  )(path)
    .then((list) => listed.parse(list))
    .catch(notStopped);
  // Also where an engine does not know the filter.
  const isWriter = ({ Labels }: (typeof found)[number]) =>
    Labels?.[PROJECT_LABEL] === project && Labels[WRITES_LABEL] !== undefined;
  const running = found.filter((one) => isWriter(one) && !AT_REST.includes(one.State.toLowerCase()));
  const isInUse = (id: string) => [...started].some((ids) => ids.has(id));
  const left = running.map(({ Id }) => Id).filter((id) => !isInUse(id));
  await stopAll(engine.value, left);
}

async function stopAll(engine: EngineAddress, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => stop(engine, id))).catch(notStopped);
}

const inspected = z.object({ State: z.object({ Running: z.boolean() }) }).nullable();

async function stop(engine: EngineAddress, id: string): Promise<void> {
  const answer = await ask(engine, { method: 'POST', path: `/containers/${id}/stop?t=1`, timeout: PATIENCE_MS });
  answer.resume();
  const found = inspected.parse(await createLookup(engine, AbortSignal.timeout(PATIENCE_MS))(`/containers/${id}/json`));
  if (found?.State.Running === true)
    throw new Error(`the container ${id.slice(0, 12)} still runs (HTTP ${answer.statusCode} to its stop)`);
}

function notStopped(error: unknown): never {
  throw new WritersNotStopped(
    `Containers that may write to the workspace cannot be stopped (${reasonOf(error)}). Stop them in the engine: ` +
      `docker ps --filter label=${WRITES_LABEL}`,
    { cause: error },
  );
}

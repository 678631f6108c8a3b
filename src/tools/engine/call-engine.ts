/** The engine of one call: a socket that is there as long as the call. */
import { DEFAULT_LIMITS, type Limits } from '../../domain/limits.js';
import { CallRefused } from '../errors.js';
import type { RunPlace } from '../places.js';
import { makeSocketDirectory, type SocketKind } from '../socket-directory.js';
import { reasonOf } from '../system-errors.js';
import { mountedIn, type MountingRuntime, type ToolRuntime } from '../tool-runtime.js';
import { projectOf } from './project.js';
import { createEngineProxy } from './proxy.js';

export interface EngineCall {
  readonly missionId: string;
  readonly place: RunPlace;
  /** Absent: the defaults. */
  readonly limits?: Limits | undefined;
  /** Whether the call may write to the workspace, and so containers. */
  readonly mayWrite: boolean;
}

const ENGINE_SOCKET = { prefix: 'ravenhelm-engine-', names: ['docker.sock'] } as const satisfies SocketKind<string>;

/**
 * Runs a launcher in a place with an engine, if the call's agent may use one; else in the place as it is. Throws
 * CallRefused if the engine's socket cannot be made, and WorkspaceUnusable if a container that may write to the
 * workspace cannot be stopped afterwards.
 */
export async function withEngine<T>(
  runtime: MountingRuntime & Pick<ToolRuntime, 'logger'>,
  { missionId, place, mayWrite, limits = DEFAULT_LIMITS }: EngineCall,
  run: (place: RunPlace) => Promise<T>,
): Promise<T> {
  const { provisions, logger } = runtime;
  const { engine } = provisions;
  if (place.permissions.docker !== true || engine === null || !engine.ok) return run(place);
  const project = projectOf({ missionId, mayWrite }, place, limits);
  const proxy = createEngineProxy({ engine: engine.value, project, logger });
  const directory = await makeSocketDirectory(ENGINE_SOCKET, mountedIn(runtime, place)).catch(refused);
  const socket = directory.paths['docker.sock'];
  try {
    await proxy.listen(socket).catch(refused);
    await directory.openToMounts(place.account);
    return await run({ ...place, engine: { socket, project: project.name } });
  } finally {
    try {
      await proxy.close();
    } finally {
      await directory.remove();
    }
  }
}

function refused(error: unknown): never {
  throw new CallRefused(`the container engine of the call cannot be made: ${reasonOf(error)}`, 'engine');
}

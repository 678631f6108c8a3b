/** The engine of one call: a socket that is there as long as the call. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_LIMITS, type Limits } from '../../domain/limits.js';
import type { Logger } from '../../ports/logger.js';
import type { RunPlace } from '../places.js';
import type { Provisions } from '../provisions.js';
import { projectOf } from './project.js';
import { createEngineProxy } from './proxy.js';

export interface EngineCall {
  readonly missionId: string;
  readonly place: RunPlace;
  /** Absent: the defaults. */
  readonly limits?: Limits | undefined;
}

/** Runs a launcher in a place with an engine, if the call's agent may use one; else in the place as it is. */
export async function withEngine<T>(
  { provisions, logger }: { readonly provisions: Provisions; readonly logger: Logger },
  { missionId, place, limits = DEFAULT_LIMITS }: EngineCall,
  run: (place: RunPlace) => Promise<T>,
): Promise<T> {
  const { engine } = provisions;
  if (place.permissions.docker !== true || engine === null || !engine.ok) return run(place);
  const project = projectOf(missionId, place, limits);
  const proxy = createEngineProxy({ engine: engine.value, project, logger });
  // Its mode is 0700: only what has the socket mounted can reach it.
  const directory = await mkdtemp(join(tmpdir(), 'ravenhelm-engine-'));
  const socket = join(directory, 'docker.sock');
  try {
    await proxy.listen(socket);
    await chmod(socket, 0o666);
    return await run({ ...place, engine: { socket, project: project.name } });
  } finally {
    await proxy.close();
    await rm(directory, { recursive: true, force: true });
  }
}

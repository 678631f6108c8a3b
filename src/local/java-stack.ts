import {
  answersItself,
  findService,
  isServicePid,
  launchService,
  logFile,
  logTail,
  stopService,
  type JavaService,
} from './java-service.js';
import { kafkaBroker } from './kafka-broker.js';
import { poll, throwIfInterrupted } from './poll.js';
import { conflictError, findConflicts } from './port-conflict.js';
import { isOurs, type ServiceName } from './process-marker.js';
import { registryServer } from './registry-server.js';
import { StackError } from './stack-error.js';
import type { StackPlace, StackWorld } from './stack-place.js';

const START_LIMIT_MS = 90_000;

export interface StartOptions {
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface JavaServiceState {
  readonly name: ServiceName;
  readonly pid: number | null;
  readonly answering: boolean;
  readonly port: number;
  readonly log: string;
}

/** Broker and registry as two JVMs of this clone. */
export function createJavaStack(place: StackPlace, world: StackWorld) {
  const services = [kafkaBroker(place, world), registryServer(place)];
  return {
    /** Starts what does not run, side by side, and resolves when all answer. */
    async start(java: string, options: StartOptions): Promise<void> {
      const pids = await Promise.all(services.map((service) => findService(place, service)));
      const absent = services.filter((_, index) => pids[index] === null);
      const conflicts = await findConflicts(
        absent.flatMap(({ ports }) => ports),
        world.env,
      );
      if (conflicts.length > 0) throw conflictError(conflicts);
      try {
        await allOrFirstFailure(services.map((service, index) => bringUp(service, pids[index] ?? null, java, options)));
      } catch (error) {
        // What was interrupted goes on starting; whatever else failed leaves nothing of this call behind.
        if (options.signal?.aborted !== true)
          await Promise.allSettled(absent.map((service) => stopService(place, service, world)));
        throw error;
      }
    },

    /** Ends what runs, the registry and the broker; resolves with their names when they are gone. */
    async stop(): Promise<readonly ServiceName[]> {
      const stopped = await Promise.all(services.map((service) => stopService(place, service, world)));
      return services.filter((_, index) => stopped[index] === true).map(({ name }) => name);
    },

    async state(): Promise<readonly JavaServiceState[]> {
      return Promise.all(
        services.map(async (service) => {
          const pid = await findService(place, service);
          const answering = pid !== null && (await answersItself(place, service));
          return { name: service.name, pid, answering, port: service.ports[0], log: logFile(place, service.name) };
        }),
      );
    },
  };

  async function bringUp(
    service: JavaService,
    running: number | null,
    java: string,
    options: StartOptions,
  ): Promise<void> {
    const startedAt = world.clock.monotonicMs();
    if (running === null) options.progress(`${service.name}: starting ${service.title}`);
    if (running === null) await prepare(service, java, options);
    const pid = running ?? (await launchService(place, service, java, world.env));
    const ready = async () => {
      if (!(await isServicePid(place, service, pid))) throw await startFailed(service, 'ended while it was starting');
      return (await answersItself(place, service)) ? true : null;
    };
    const answer = await poll(ready, {
      clock: world.clock,
      everyMs: 100,
      limitMs: START_LIMIT_MS,
      signal: options.signal,
    });
    if (answer === null) throw await startFailed(service, `did not answer within ${START_LIMIT_MS / 1000} s`);
    if (running !== null) return;
    options.progress(`${service.name}: ready after ${((world.clock.monotonicMs() - startedAt) / 1000).toFixed(1)} s`);
  }

  async function prepare(service: JavaService, java: string, { signal }: StartOptions): Promise<void> {
    try {
      await service.prepare(java, world.env);
    } catch (error) {
      throwIfInterrupted(signal); // Ctrl-C reaches the formatter, too; that it failed is then no news
      throw error;
    }
  }

  async function startFailed(service: JavaService, what: string): Promise<StackError> {
    const foreign = (await findConflicts(service.ports, world.env)).filter(
      ({ command }) => command === null || !isOurs(command, place, service.name),
    );
    if (foreign.length > 0) return conflictError(foreign);
    const tail = await logTail(place, service.name, 15);
    return new StackError(
      'start_failed',
      `${service.title} ${what}. The end of its log:\n${tail}`,
      `See ${logFile(place, service.name)}. ${adviceFor(tail, place)}`,
    );
  }
}

/** To delete data is advised only where they may be the reason. */
function adviceFor(tail: string, { dataDir }: StackPlace): string {
  if (/Address already in use/.test(tail)) return 'Another process had its port; try again: npx ravenhelm stack up';
  if (/No space left on device/.test(tail)) return `Make space in ${dataDir}, then: npx ravenhelm stack up`;
  return `To begin with an empty stack: npx ravenhelm stack down, then delete ${dataDir}.`;
}

/** One service's failure must not leave the other half started unseen, so all are awaited first. */
async function allOrFirstFailure(starts: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(starts)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

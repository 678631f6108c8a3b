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

/** Only a service that runs and never answers takes so long: one that ends is noticed at once. */
const START_LIMIT_MS = 180_000;

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
export interface JavaStack {
  /** Starts the missing services concurrently and resolves when all answer. Rejects with StackError. */
  start(java: string, options: StartOptions): Promise<void>;
  /** Stops the running services; resolves with their names when they have ended. */
  stop(): Promise<readonly ServiceName[]>;
  state(): Promise<readonly JavaServiceState[]>;
}

export function createJavaStack(place: StackPlace, world: StackWorld): JavaStack {
  const services = [kafkaBroker(place, world), registryServer(place)];
  return {
    start: (java, options) => start({ place, world }, services, java, options),
    async stop() {
      const stopped = await Promise.all(services.map((service) => stopService(place, service, world)));
      return services.filter((_, index) => stopped[index] === true).map(({ name }) => name);
    },
    state: () => Promise.all(services.map((service) => stateOf(place, service))),
  };
}

interface Stack {
  readonly place: StackPlace;
  readonly world: StackWorld;
}

async function start(
  { place, world }: Stack,
  services: readonly JavaService[],
  java: string,
  options: StartOptions,
): Promise<void> {
  const pids = await Promise.all(services.map((service) => findService(place, service)));
  const absent = services.filter((_, index) => pids[index] === null);
  const ports = absent.flatMap((service) => service.ports);
  const conflicts = await findConflicts(ports, world.env);
  if (conflicts.length > 0) throw conflictError(conflicts);
  try {
    await allOrFirstFailure(
      services.map((service, index) => bringUp({ place, world }, service, pids[index] ?? null, java, options)),
    );
  } catch (error) {
    // After an interruption the services keep starting. After any other failure they are stopped again.
    if (options.signal?.aborted !== true)
      await Promise.allSettled(absent.map((service) => stopService(place, service, world)));
    throw error;
  }
}

async function stateOf(place: StackPlace, service: JavaService): Promise<JavaServiceState> {
  const pid = await findService(place, service);
  const answering = pid !== null && (await answersItself(place, service));
  return { name: service.name, pid, answering, port: service.ports[0], log: logFile(place, service.name) };
}

/** Starts a service unless it is running, and resolves when it answers. */
async function bringUp(
  { place, world }: Stack,
  service: JavaService,
  running: number | null,
  java: string,
  options: StartOptions,
): Promise<void> {
  const startedMs = world.clock.monotonicMs();
  if (running === null) options.progress(`${service.name}: starting ${service.title}`);
  if (running === null) await prepare(world, service, java, options);
  const pid = running ?? (await launchService(place, service, java, world.env));
  const ready = async () => {
    const answers = await answersItself(place, service);
    // Behind the question: another clone's may have answered where the system does not tell whose port it is.
    if (!(await isServicePid(place, service, pid)))
      throw await startFailed({ place, world }, service, 'ended during the start');
    return answers ? true : null;
  };
  const answer = await poll(ready, {
    clock: world.clock,
    everyMs: 100,
    limitMs: START_LIMIT_MS,
    signal: options.signal,
  });
  if (answer === null)
    throw await startFailed({ place, world }, service, `did not answer within ${START_LIMIT_MS / 1000} s`);
  if (running !== null) return;
  options.progress(`${service.name}: ready after ${((world.clock.monotonicMs() - startedMs) / 1000).toFixed(1)} s`);
}

async function prepare(world: StackWorld, service: JavaService, java: string, { signal }: StartOptions): Promise<void> {
  try {
    await service.prepare(java, world.env);
  } catch (error) {
    throwIfInterrupted(signal); // Ctrl-C also ends the formatter; its failure is then the interruption
    throw error;
  }
}

async function startFailed({ place, world }: Stack, service: JavaService, what: string): Promise<StackError> {
  const foreign = (await findConflicts(service.ports, world.env)).filter(
    ({ command }) => command === null || !isOurs(command, place, service.name),
  );
  if (foreign.length > 0) return conflictError(foreign);
  const tail = await logTail(place, service.name, 15);
  return new StackError(
    PORT_TAKEN.test(tail) ? 'ports_taken' : 'start_failed',
    `${service.title} ${what}. The end of its log:\n${tail}`,
    `See ${logFile(place, service.name)}. ${adviceFor(tail, place)}`,
  );
}

/** The JVM's words where another process has taken the port after it was found free, and may have released it again. */
const PORT_TAKEN = /Address already in use/;

/** Advises to delete data only if the data may be the reason. */
function adviceFor(tail: string, { dataDir }: StackPlace): string {
  if (PORT_TAKEN.test(tail)) return 'Another process used its port; try again: npx ravenhelm stack up';
  if (/No space left on device/.test(tail)) return `Free some space in ${dataDir}, then: npx ravenhelm stack up`;
  return `To start with an empty stack: npx ravenhelm stack down, then delete ${dataDir}.`;
}

/** Waits for all before it rejects, so that a failure of one service does not hide that the other is still starting. */
async function allOrFirstFailure(starts: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(starts)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

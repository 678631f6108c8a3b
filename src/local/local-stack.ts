import { chooseJava, chooseStack } from './choose-stack.js';
import { composeDown, composeRuns, composeUp, findDockerEngine } from './docker-engine.js';
import { createJavaStack, type JavaStack, type StartOptions } from './java-stack.js';
import { poll } from './poll.js';
import { conflictError, findConflicts, type PortConflict } from './port-conflict.js';
import type { ServiceName } from './process-marker.js';
import { askRegistry } from './readiness.js';
import { StackError } from './stack-error.js';
import { usingStackFiles } from './stack-files.js';
import { brokersOf, registryUrlOf, type StackPlace, type StackWorld } from './stack-place.js';
import { withStackLock } from './start-lock.js';

/** A stack whose broker and registry answer. */
export interface RunningStack {
  readonly kind: 'docker' | 'java';
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** false if it was already running. */
  readonly started: boolean;
}

export interface StackStatus {
  /** partly: at least one service of this clone runs, but broker and registry do not both answer. */
  readonly state: 'up' | 'partly' | 'down';
  /** null if no service of this clone runs. */
  readonly kind: 'docker' | 'java' | null;
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly services: readonly ServiceStatus[];
  readonly dataDir: string;
  /** Other processes on the ports that this clone's stack needs. */
  readonly conflicts: readonly PortConflict[];
}

export interface ServiceStatus {
  readonly name: ServiceName;
  readonly answering: boolean;
  readonly port: number;
  /** null if it does not run, or runs in a container. */
  readonly pid: number | null;
  /** Path of its log; null for a container. */
  readonly log: string | null;
}

export interface LocalStack {
  /**
   * Starts what is missing and resolves when broker and registry answer. Rejects with StackError. Two processes that
   * call it at the same time share one start; an interruption does not end services that are already starting.
   */
  up(options: StartOptions): Promise<RunningStack>;
  /** Stops the services of this clone only, and keeps their data. Resolves with their names when they have ended. */
  down(options?: { readonly progress?: (line: string) => void }): Promise<readonly ServiceName[]>;
  /** Reads the state; changes nothing. */
  status(): Promise<StackStatus>;
}

/** The development stack of one place: broker and schema registry on this computer, in Docker or as two JVMs. */
export function createLocalStack(place: StackPlace, world: StackWorld): LocalStack {
  const stack: Stack = { place, world, java: createJavaStack(place, world) };
  return {
    status: () => usingStackFiles(place, () => statusOf(stack)),
    up: (options) => usingStackFiles(place, () => up(stack, options)),
    down: ({ progress = () => {} } = {}) => usingStackFiles(place, () => down(stack, progress)),
  };
}

interface Stack {
  readonly place: StackPlace;
  readonly world: StackWorld;
  readonly java: JavaStack;
}

async function up(stack: Stack, options: StartOptions): Promise<RunningStack> {
  const { place, world } = stack;
  const { state, kind } = await statusOf(stack);
  if (kind !== null && state === 'up') return runningStack(place, kind, false);
  return withStackLock(place, world, { onWait: () => options.progress(WAITING), signal: options.signal }, () =>
    start(stack, options),
  );
}

async function start(stack: Stack, options: StartOptions): Promise<RunningStack> {
  const { place, world, java } = stack;
  const { state, kind } = await statusOf(stack);
  if (kind !== null && state === 'up') return runningStack(place, kind, false); // another process started it meanwhile
  const choice =
    kind === 'java'
      ? await chooseJava(place, world.env, 'half of it runs on Java')
      : await chooseStack(place, world.env);
  if (choice.kind === 'none')
    throw new StackError('stack_unavailable', `No local broker is available: ${choice.reason}.`, choice.howToGetOne);
  if (choice.kind === 'docker') await startDocker(place, world, options, kind === 'docker');
  else await java.start(choice.java, options);
  return runningStack(place, choice.kind, true);
}

function down({ place, world, java }: Stack, progress: (line: string) => void): Promise<readonly ServiceName[]> {
  return withStackLock(place, world, { onWait: () => progress(WAITING) }, async () => {
    const stopped = await java.stop();
    if (!(await dockerRuns(place, world))) return stopped;
    await composeDown(place, world.env);
    return ['broker', 'registry'];
  });
}

async function statusOf({ place, world, java }: Stack): Promise<StackStatus> {
  const javaServices = await java.state();
  if (javaServices.some(({ pid }) => pid !== null)) return describe(place, world, 'java', javaServices);
  if (await dockerRuns(place, world)) return describe(place, world, 'docker', await dockerServices(place, world));
  const services = javaServices.map((service) => ({ ...service, log: null }));
  return describe(place, world, null, services);
}

async function describe(
  place: StackPlace,
  world: StackWorld,
  kind: 'docker' | 'java' | null,
  services: readonly ServiceStatus[],
): Promise<StackStatus> {
  const isUp = kind !== null && services.every(({ answering }) => answering);
  const { broker, controller, registry } = place.ports;
  return {
    state: isUp ? 'up' : kind === null ? 'down' : 'partly',
    kind,
    brokers: brokersOf(place),
    registryUrl: registryUrlOf(place, kind ?? 'java'),
    services,
    dataDir: place.dataDir,
    conflicts: kind === null ? await findConflicts([broker, controller, registry], world.env) : [],
  };
}

function runningStack(place: StackPlace, kind: 'docker' | 'java', started: boolean): RunningStack {
  return { kind, brokers: brokersOf(place), registryUrl: registryUrlOf(place, kind), started };
}

async function dockerRuns(place: StackPlace, world: StackWorld): Promise<boolean> {
  return (await findDockerEngine(world.env)).answers && composeRuns(place, world.env);
}

const WAITING = 'another process is starting or stopping the local stack; waiting for it';

async function dockerServices(place: StackPlace, world: StackWorld): Promise<readonly ServiceStatus[]> {
  const [clusterId, registry] = await Promise.all([
    world.askBroker(brokersOf(place)),
    askRegistry(registryUrlOf(place, 'docker')),
  ]);
  const inContainer = { pid: null, log: null };
  return [
    { name: 'broker', answering: clusterId !== null, port: place.ports.broker, ...inContainer },
    { name: 'registry', answering: registry === true, port: place.ports.registry, ...inContainer },
  ];
}

async function startDocker(
  place: StackPlace,
  world: StackWorld,
  options: StartOptions,
  partly: boolean,
): Promise<void> {
  const conflicts = partly ? [] : await findConflicts([place.ports.broker, place.ports.registry], world.env);
  if (conflicts.length > 0) throw conflictError(conflicts);
  options.progress('broker and registry: starting Redpanda with Docker');
  await composeUp(place, world.env, options.progress);
  const answers = async () => ((await dockerServices(place, world)).every(({ answering }) => answering) ? true : null);
  const ready = await poll(answers, { clock: world.clock, everyMs: 200, limitMs: 60_000, signal: options.signal });
  if (ready === null)
    throw new StackError(
      'start_failed',
      'Redpanda runs but does not answer on its ports.',
      'See docker ps, and docker logs of its container.',
    );
}

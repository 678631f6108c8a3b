import { chooseJava, chooseStack } from './choose-stack.js';
import { composeDown, composeRuns, composeUp, findDockerEngine } from './docker-engine.js';
import { createJavaStack, type StartOptions } from './java-stack.js';
import { poll } from './poll.js';
import { conflictError, findConflicts, type PortConflict } from './port-conflict.js';
import type { ServiceName } from './process-marker.js';
import { askRegistry } from './readiness.js';
import { StackError } from './stack-error.js';
import { usingStackFiles } from './stack-files.js';
import { brokersOf, registryUrlOf, type StackPlace, type StackWorld } from './stack-place.js';
import { withStackLock } from './start-lock.js';

/** A stack that answers. */
export interface RunningStack {
  readonly kind: 'docker' | 'java';
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** False when it was up before. */
  readonly started: boolean;
}

export interface StackStatus {
  /** partly: something of this clone runs, but broker and registry do not both answer. */
  readonly state: 'up' | 'partly' | 'down';
  /** null when nothing of this clone runs. */
  readonly kind: 'docker' | 'java' | null;
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly services: readonly ServiceStatus[];
  readonly dataDir: string;
  /** Who has the ports that this clone's stack would need. */
  readonly conflicts: readonly PortConflict[];
}

export interface ServiceStatus {
  readonly name: ServiceName;
  readonly answering: boolean;
  readonly port: number;
  /** null when it does not run, or runs in a container. */
  readonly pid: number | null;
  /** Path of its log; null for a container. */
  readonly log: string | null;
}

export interface LocalStack {
  /**
   * Resolves when broker and registry answer: with the running stack, or after starting what is missing. Rejects with
   * StackError. Two copies share one start; both may be interrupted without ending what was started.
   */
  up(options: StartOptions): Promise<RunningStack>;
  /** Ends what this clone started, and only that; resolves with the names when it is gone. Data is kept. */
  down(options?: { readonly progress?: (line: string) => void }): Promise<readonly ServiceName[]>;
  /** Asks; changes nothing. */
  status(): Promise<StackStatus>;
}

/** The development stack of one place: broker and schema registry on this computer, by Docker or as two JVMs. */
export function createLocalStack(place: StackPlace, world: StackWorld): LocalStack {
  const java = createJavaStack(place, world);
  const running = (kind: 'docker' | 'java', started: boolean): RunningStack => ({
    kind,
    brokers: brokersOf(place),
    registryUrl: registryUrlOf(place, kind),
    started,
  });

  async function dockerRuns(): Promise<boolean> {
    return (await findDockerEngine(world.env)).answers && composeRuns(place, world.env);
  }

  async function status(): Promise<StackStatus> {
    const javaServices = await java.state();
    if (javaServices.some(({ pid }) => pid !== null)) return describe('java', javaServices);
    if (await dockerRuns()) return describe('docker', await dockerServices(place, world));
    return describe(
      null,
      javaServices.map((service) => ({ ...service, log: null })),
    );
  }

  async function describe(kind: 'docker' | 'java' | null, services: readonly ServiceStatus[]): Promise<StackStatus> {
    const up = kind !== null && services.every(({ answering }) => answering);
    const { broker, controller, registry } = place.ports;
    return {
      state: up ? 'up' : kind === null ? 'down' : 'partly',
      kind,
      brokers: brokersOf(place),
      registryUrl: registryUrlOf(place, kind ?? 'java'),
      services,
      dataDir: place.dataDir,
      conflicts: kind === null ? await findConflicts([broker, controller, registry], world.env) : [],
    };
  }

  async function start(options: StartOptions): Promise<RunningStack> {
    const { state, kind } = await status();
    if (kind !== null && state === 'up') return running(kind, false); // another copy started it meanwhile
    const choice =
      kind === 'java'
        ? await chooseJava(place, world.env, 'half of it runs on Java')
        : await chooseStack(place, world.env);
    if (choice.kind === 'none')
      throw new StackError('stack_unavailable', `No local broker can be had: ${choice.reason}.`, choice.howToGetOne);
    if (choice.kind === 'docker') await startDocker(place, world, options, kind === 'docker');
    else await java.start(choice.java, options);
    return running(choice.kind, true);
  }

  async function up(options: StartOptions): Promise<RunningStack> {
    const { state, kind } = await status();
    if (kind !== null && state === 'up') return running(kind, false);
    return withStackLock(place, world, { onWait: () => options.progress(WAITING), signal: options.signal }, () =>
      start(options),
    );
  }

  function down(progress: (line: string) => void): Promise<readonly ServiceName[]> {
    return withStackLock(place, world, { onWait: () => progress(WAITING) }, async () => {
      const stopped = await java.stop();
      if (!(await dockerRuns())) return stopped;
      await composeDown(place, world.env);
      return ['broker', 'registry'];
    });
  }

  return {
    status: () => usingStackFiles(place, status),
    up: (options) => usingStackFiles(place, () => up(options)),
    down: ({ progress = () => {} } = {}) => usingStackFiles(place, () => down(progress)),
  };
}

const WAITING = 'another copy is starting or stopping the local stack; waiting for it';

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
      'Ask docker ps, and docker logs of that container.',
    );
}

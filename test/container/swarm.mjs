import { StepFailed } from '../../scripts/steps/run.mjs';
import { freePorts } from '../support/start-broker.mjs';
import { expect } from './expect.mjs';
import { until } from './until.mjs';

export const MISSION = 'missions/hello.yaml';
/** docker-compose.redpanda.yml gives the same. */
export const STOP_GRACE_SECONDS = 20;
const WITHIN_MS = 180_000;
/** The mission's own limit is 10 minutes. */
const SUBMIT = ['timeout', '660', 'node', 'bin/ravenhelm.js', '--json', 'submit', MISSION, '--wait'];

/**
 * Containers of one swarm, which share a prefix on the broker and a volume for workspaces. undo runs the engine's
 * command line also after an interruption. sandbox: whether workers get the security options that bubblewrap needs.
 */
export function createSwarm({ engine, undo, image, broker, cleanups, signal }, { id, sandbox }) {
  const names = [];
  const volume = `${id}-workspaces`;
  const container = (name) => `${id}-${name}`;

  const remove = async () => {
    for (const name of names.splice(0)) await undo(['rm', '--force', '--volumes', container(name)]);
    await undo(['volume', 'rm', '--force', volume]);
  };
  cleanups.push(remove);

  const start = async (name, ...command) => {
    const [port] = await freePorts(1);
    names.push(name); // first: an interrupted start may leave a container
    await engine.start({
      container: container(name),
      image,
      sandbox: sandbox && name.startsWith('worker'),
      volumes: [`${volume}:/workspaces`],
      command,
      environment: environment({ broker, id, port }),
    });
  };
  const wait = (name, ask) => until(signal, WITHIN_MS, ask, () => ended(engine, container(name)));

  return {
    start,
    remove,
    async init() {
      await start('init', 'init');
      const state = await until(signal, WITHIN_MS, async () => {
        const value = await engine.state(container('init'));
        return { done: value.Status === 'exited', value };
      });
      if (state.ExitCode !== 0) throw await endedWith(engine, container('init'), state);
    },
    /** By the image's own HEALTHCHECK. */
    healthy: (name) =>
      wait(name, async () => {
        const value = await engine.health(container(name));
        return { done: value === 'healthy', value };
      }),
    /** By /readyz, as the compose file asks. */
    ready: (name) =>
      wait(name, async () => {
        const { exitCode, output } = await engine.exec(container(name), ['node', 'bin/health.js', 'readyz']);
        return { done: exitCode === 0, value: output };
      }),
    /** What a worker prints about its sandbox once it has tried it. */
    sandboxLine: (name) =>
      wait(name, async () => {
        const logs = await engine.logs(container(name));
        const value = logs.split('\n').find((line) => line.startsWith('Sandbox: '));
        return { done: value !== undefined, value };
      }),
    confinement: (name) => confinement(engine, container(name)),
    submit: () => engine.exec(container('orchestrator'), SUBMIT),
    owners: (directory) => owners(engine, container('worker-1'), directory),
    stop: (name) => stop(engine, container(name)),
  };
}

function environment({ broker, id, port }) {
  return {
    KAFKA_BROKERS: broker.brokers.join(','),
    SCHEMA_REGISTRY_URL: broker.registryUrl,
    RAVENHELM_PREFIX: id,
    RAVENHELM_HTTP: `127.0.0.1:${port}`,
    WORKER_MODELS: 'playbook', // whatever models this computer has
  };
}

/** An error when the container has ended, else null. */
async function ended(engine, container) {
  const state = await engine.state(container);
  return state.Status === 'running' ? null : endedWith(engine, container, state);
}

async function endedWith(engine, container, { Status, ExitCode }) {
  return new StepFailed(`${container} is ${Status}, exit code ${ExitCode}:\n${await engine.logs(container)}`, null);
}

/** Whose the first process is, which starts that of the role, and which of the usual places it can write to. */
async function confinement(engine, container) {
  const script =
    'grep -E "^(Uid|CapBnd|CapEff|NoNewPrivs):" /proc/1/status; ' +
    'for place in /app /etc /home/node /root /run /tmp /usr /var/tmp /workspaces; do ' +
    'touch $place/probe 2>/dev/null && rm $place/probe && echo "writable: $place"; done; true';
  const { exitCode, stdout, output } = await engine.exec(container, ['sh', '-c', script]);
  expect(exitCode === 0, 'the look into the container', output);
  const field = (name) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(stdout)?.[1] ?? '';
  return {
    uid: field('Uid'),
    bounding: field('CapBnd'),
    effective: field('CapEff'),
    noNewPrivileges: field('NoNewPrivs'),
    writable: [...stdout.matchAll(/^writable: (\S+)$/gm)].map(([, place]) => place).join(' '),
  };
}

/** The user id of each file and directory below it. */
async function owners(engine, container, directory) {
  const command = ['find', directory, '-mindepth', '1', '-printf', '%U %P\n'];
  const { exitCode, stdout, output } = await engine.exec(container, command);
  expect(exitCode === 0, 'find in the workspace', output);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => ({ uid: line.split(' ')[0], path: line.slice(line.indexOf(' ') + 1) }));
}

/** Stops it within its grace and returns the seconds that it took. */
async function stop(engine, container) {
  const startedAt = performance.now();
  await engine.stop(container, STOP_GRACE_SECONDS);
  const seconds = (performance.now() - startedAt) / 1000;
  const { ExitCode } = await engine.state(container);
  expect(ExitCode === 0 && seconds < STOP_GRACE_SECONDS, `the end of ${container}`, { ExitCode, seconds });
  return seconds;
}

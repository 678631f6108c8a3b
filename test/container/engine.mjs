import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { mustSucceed } from './command.mjs';

/** Something that this computer lacks. The run ends with exit code 2. */
export class Missing extends Error {
  constructor(message, nextStep) {
    super(message);
    this.name = 'Missing';
    this.nextStep = nextStep;
  }
}

const INSTALL_PODMAN =
  'Start Docker, or install podman: sudo apt-get update && sudo apt-get install -y --no-install-recommends ' +
  'podman buildah runc crun netavark iptables uidmap catatonit mmdebstrap';

/** What bubblewrap needs of its container, as in docker-compose.redpanda.yml. */
const SANDBOX_OPTIONS = ['seccomp=unconfined', 'apparmor=unconfined', 'systempaths=unconfined'].flatMap((option) => [
  '--security-opt',
  option,
]);

/**
 * What each container of the swarm gives up, as in docker-compose.redpanda.yml: its root file system cannot be written,
 * it has no capabilities, and no program of it gains rights.
 */
const CONFINED = [
  '--read-only',
  '--tmpfs=/tmp:rw,noexec,nosuid,nodev,mode=1777,size=256m',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
];

/**
 * A container engine behind one set of functions. Containers share the network of this computer, so that no network, no
 * firewall rule and no published port is made.
 */
export async function findEngine(run, wanted) {
  const engine =
    (wanted === 'podman' ? null : await findDocker(run)) ?? (wanted === 'docker' ? null : await findPodman(run));
  if (engine !== null) return engine;
  const what = wanted === null ? 'Neither a Docker engine nor podman answers here' : `${wanted} does not answer here`;
  throw new Missing(`${what}.`, INSTALL_PODMAN);
}

async function findDocker(run) {
  const { exitCode, stdout } = await run('docker', ['info', '--format', '{{.ServerVersion}}']);
  // Older versions exit with 0 without an engine and leave the version empty.
  if (exitCode !== 0 || stdout.trim() === '') return null;
  const { stdout: version } = await run('docker', ['--version']);
  if (version.startsWith('podman')) return null; // podman under another name: use it as podman
  return createEngine(run, {
    name: 'docker',
    title: `Docker ${stdout.trim()}`,
    global: [],
    build: [],
    limits: [],
    confined: CONFINED,
  });
}

async function findPodman(run) {
  const { exitCode, stdout } = await run('podman', ['info', '--format', 'json']);
  if (exitCode !== 0) return null;
  const { host, version } = JSON.parse(stdout);
  const limits = await ulimits();
  return createEngine(run, {
    name: 'podman',
    title: `podman ${version.Version}`,
    global: globalFlags(host),
    // podman's default format, OCI, has no place for a HEALTHCHECK and drops it. The base image is here
    // already. Layers that are kept would stay behind as images without a name.
    build: ['--format', 'docker', '--pull=never', '--layers=false', ...limits],
    limits,
    // podman would make /run, /dev/shm and others writable besides; Docker does not.
    confined: [...CONFINED, '--read-only-tmpfs=false'],
  });
}

/** podman's defaults expect systemd, and a cgroup hierarchy that is wholly version 1 or 2. */
function globalFlags({ cgroupVersion, ociRuntime }) {
  return [
    ...(existsSync('/run/systemd/system') ? [] : ['--cgroup-manager=cgroupfs', '--events-backend=file']),
    // crun refuses the hybrid mode of cgroups, which podman calls v1; runc takes it.
    ...(cgroupVersion === 'v1' && ociRuntime.name === 'crun' ? ['--runtime=runc'] : []),
  ];
}

/** podman as root raises limits, which fails without CAP_SYS_RESOURCE: ask for no more than this process may have. */
async function ulimits() {
  const text = await readFile('/proc/self/limits', 'utf8');
  const hardLimit = (name, most) => {
    const hard = new RegExp(`^${name} +\\S+ +(\\S+)`, 'm').exec(text)?.[1] ?? 'unlimited';
    return hard === 'unlimited' ? most : Math.min(Number(hard), most);
  };
  const files = hardLimit('Max open files', 65_536);
  const processes = hardLimit('Max processes', 32_768);
  return ['--ulimit', `nofile=${files}:${files}`, '--ulimit', `nproc=${processes}:${processes}`];
}

function createEngine(run, { name, title, global, build, limits, confined }) {
  const call = (args) => run(name, [...global, ...args]);
  const must = (args) => mustSucceed(run, name, [...global, ...args]);
  const inspect = async (kind, id) => JSON.parse(await must([kind, 'inspect', id]))[0];
  return {
    name,
    title,
    global,
    call,
    must,
    hasImage: async (image) => (await call(['image', 'inspect', image])).exitCode === 0,
    build: (args) => must(['build', '--network=host', ...build, ...args]),
    /** Ids of the containers of an interrupted build from the image. Docker removes them itself. */
    leftByBuild: async (runner, image) => {
      if (name !== 'podman') return [];
      const working = `name=${image.split('/').at(-1)}-working-container`;
      const { stdout } = await runner(['ps', '--all', '--external', '--quiet', '--filter', working]);
      return stdout.split('\n').filter((id) => id !== '');
    },
    imageHealthcheck: async (image) => {
      const { Config, Healthcheck, HealthCheck } = await inspect('image', image);
      return (Config.Healthcheck ?? Healthcheck ?? HealthCheck)?.Test ?? null;
    },
    start: ({ container, image, environment, volumes, sandbox, command }) =>
      must([
        ...['run', '--detach', '--init', '--network=host', '--name', container, ...limits, ...confined],
        ...(sandbox ? SANDBOX_OPTIONS : []),
        ...Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
        ...volumes.flatMap((volume) => ['--volume', volume]),
        image,
        ...command,
      ]),
    exec: (container, command) => call(['exec', container, ...command]),
    logs: async (container) => (await call(['logs', container])).output,
    state: async (container) => (await inspect('container', container)).State,
    health: async (container) => {
      // podman leaves its timer to systemd, which is not everywhere. Docker has its own.
      if (name === 'podman') await call(['healthcheck', 'run', container]);
      const { Health, Healthcheck } = (await inspect('container', container)).State;
      return (Health ?? Healthcheck)?.Status ?? 'none';
    },
    stop: (container, graceSeconds) => must(['stop', '--time', String(graceSeconds), container]),
  };
}

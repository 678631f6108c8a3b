/** podman behind its Docker-compatible socket, with its own storage, as long as a test runs. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ask, type EngineAddress } from '../../src/tools/engine/upstream.js';

const INSTALL = 'sudo apt-get install -y --no-install-recommends podman runc crun netavark iptables catatonit';
export const IMAGE = 'localhost/small:1';

export interface RealPodman {
  readonly address: EngineAddress;
  /** Runs podman; resolves with what it printed. */
  podman(...args: readonly string[]): Promise<string>;
  /** Limits that a container can have here, for podman's command line and for the engine's API. */
  readonly ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  close(): Promise<void>;
}

export async function startPodman(): Promise<RealPodman> {
  const directory = mkdtempSync(join(tmpdir(), 'ravenhelm-podman-'));
  const flags = globalFlags(directory);
  const podman = async (...args: readonly string[]) =>
    (await promisify(execFile)('podman', [...flags, ...args])).stdout.trim();
  const socketPath = join(directory, 'podman.sock');
  const address = { socketPath };
  const service = spawn('podman', [...flags, 'system', 'service', '--time=0', `unix://${socketPath}`], {
    stdio: 'ignore',
  });
  const ended = once(service, 'exit');
  await answers(address, () => service.exitCode);
  await importImage(directory, podman);
  return {
    address,
    podman,
    ulimits: ulimits(),
    async close() {
      await podman('rm', '--all', '--force', '--time', '0');
      const networks = await podman('network', 'ls', '--quiet', '--filter', 'name=_');
      if (networks !== '') await podman('network', 'rm', '--force', ...networks.split('\n'));
      service.kill('SIGTERM');
      await ended;
      endLeftProcesses(directory);
      await removeStorage(directory, podman);
    },
  };
}

function globalFlags(directory: string): readonly string[] {
  let info: { host: { cgroupVersion: string; ociRuntime: { name: string } } };
  const own = (flag: string, name: string) => [flag, join(directory, name)];
  const storage = [
    ...[...own('--root', 'root'), ...own('--runroot', 'run'), ...own('--network-config-dir', 'networks')],
    '--events-backend=file',
  ];
  const systemd = existsSync('/run/systemd/system') ? [] : ['--cgroup-manager=cgroupfs'];
  try {
    info = JSON.parse(
      execFileSync('podman', [...storage, ...systemd, 'info', '--format', 'json'], { encoding: 'utf8' }),
    );
  } catch (error) {
    throw new Error(`these tests need podman: ${String(error)}. Install it: ${INSTALL}`, { cause: error });
  }
  // crun refuses the hybrid mode of cgroups, which podman calls v1; runc takes it.
  const { cgroupVersion, ociRuntime } = info.host;
  return [...storage, ...systemd, ...(cgroupVersion === 'v1' && ociRuntime.name === 'crun' ? ['--runtime=runc'] : [])];
}

async function answers(address: EngineAddress, exitCode: () => number | null): Promise<void> {
  for (;;) {
    const answer = await ask(address, { method: 'GET', path: '/_ping' }).catch(() => null);
    answer?.resume();
    if (answer?.statusCode === 200) return;
    if (exitCode() !== null) throw new Error(`podman system service ended with ${exitCode()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Podman cleans up after commands in containers minutes later, and would make its storage again for that. */
function endLeftProcesses(directory: string): void {
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!commandLine(id).includes(`${directory}/`)) continue;
    try {
      process.kill(Number(id), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended meanwhile
    }
  }
}

function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

/** As root podman has mounted its storage on itself; another user's storage has files of other users in it. */
async function removeStorage(directory: string, podman: RealPodman['podman']): Promise<void> {
  if (process.getuid?.() !== 0) await podman('unshare', 'rm', '-rf', join(directory, 'root'));
  const mounted = readFileSync('/proc/self/mounts', 'utf8').match(new RegExp(`(?<= )${directory}/\\S+`, 'g')) ?? [];
  for (const path of mounted.reverse()) execFileSync('umount', [path]);
  rmSync(directory, { recursive: true });
}

/** A shell and a few programs of this computer with their libraries: no registry is needed. */
async function importImage(directory: string, podman: RealPodman['podman']): Promise<void> {
  const root = join(directory, 'image');
  for (const name of ['sh', 'sleep', 'id', 'cat', 'touch', 'ls', 'grep', 'chmod']) {
    const program = realpathSync(execFileSync('which', [name], { encoding: 'utf8' }).trim());
    const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
    for (const [from, to] of [[program, `/bin/${name}`], ...libraries.map((path) => [path, path])] as const) {
      mkdirSync(join(root, dirname(to)), { recursive: true });
      copyFileSync(from, join(root, to));
    }
  }
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n');
  execFileSync('tar', ['-c', '-f', join(directory, 'image.tar'), '-C', root, '.']);
  await podman(
    'import',
    '--change',
    'ENV PATH=/bin',
    '--change',
    'CMD ["sleep", "1"]',
    join(directory, 'image.tar'),
    IMAGE,
  );
}

/** podman as root raises limits, which fails without CAP_SYS_RESOURCE: no more than this process may have. */
function ulimits(): RealPodman['ulimits'] {
  const text = readFileSync('/proc/self/limits', 'utf8');
  const limit = (Name: string, words: string) => {
    const hard = Number(new RegExp(`^${words} +\\S+ +(\\d+)`, 'm').exec(text)?.[1] ?? 65_536);
    return { Name, Soft: Math.min(hard, 1_024), Hard: Math.min(hard, 4_096) };
  };
  return [limit('nofile', 'Max open files'), limit('nproc', 'Max processes')];
}

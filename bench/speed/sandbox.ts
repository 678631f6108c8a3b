/**
 * What the sandbox adds to a command: a whole call of the executor beside a plain `sh -c true`, in turns, and the parts
 * of the call by themselves. It needs no broker. Root measures its own mode and, as another user, that of user
 * namespaces; another user measures the latter only.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { figure, type Finding } from '../support/report.js';
import { CALL, measureParts, PLAIN, type MeasuredParts } from './sandbox-parts.js';

/** A user without rights on every system. */
const OTHER_USER = 65_534;

/** @param projectDir has node_modules and bin */
export async function measureSandbox(rounds: number, projectDir: string): Promise<readonly Finding[]> {
  const own = await inDirectory(async (root) => findingOf(await measureParts(root, rounds)));
  return process.getuid?.() === 0 ? [own, await ofOtherUser(rounds, projectDir)] : [own];
}

function findingOf({ mode, medians }: MeasuredParts): Finding {
  const of = (name: string) => medians[name] ?? [];
  const more = of(CALL).map((value, round) => value - (of(PLAIN)[round] ?? Number.NaN));
  return {
    title: `a command in the sandbox, mode ${mode} (goal: at most 15 ms more than sh)`,
    figures: [
      figure('more than sh', 'ms', ...more),
      ...Object.entries(medians).map(([name, values]) => figure(name, 'ms', ...values)),
    ],
  };
}

/** In a process of that user, from a copy of what it needs: the project may be closed to it. */
function ofOtherUser(rounds: number, projectDir: string): Promise<Finding> {
  return inDirectory(async (directory) => {
    await chmod(directory, 0o755);
    const here = fileURLToPath(new URL('../..', import.meta.url));
    for (const layer of ['tools', 'ports', 'domain', 'telemetry'])
      await cp(join(projectDir, 'dist', layer), join(directory, 'src', layer), { recursive: true });
    await cp(join(here, 'bench'), join(directory, 'bench'), { recursive: true });
    await cp(join(projectDir, 'bin'), join(directory, 'bin'), { recursive: true });
    for (const name of ['node_modules/zod', 'node_modules/ignore'])
      await cp(join(projectDir, name), join(directory, name), { recursive: true });
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
    const root = join(directory, 'workspaces');
    await mkdir(root);
    await chown(root, OTHER_USER, OTHER_USER);
    const program = [join(directory, 'bench/support/bench-sandbox.js'), root, String(rounds)];
    const { PATH = '' } = process.env;
    const measured = promisify(execFile)(process.execPath, program, {
      cwd: root,
      env: { PATH },
      uid: OTHER_USER,
      gid: OTHER_USER,
    });
    return measured.then(
      ({ stdout }) => findingOf(JSON.parse(stdout)),
      (error: Error) => ({ title: `mode user was not measured: ${reasonIn(error.message)}`, figures: [] }),
    );
  });
}

/** The line of a process's failure that says why. */
const reasonIn = (message: string): string => /^Error: (.*)$/m.exec(message)?.[1] ?? message;

async function inDirectory(work: (directory: string) => Promise<Finding>): Promise<Finding> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-bench-')));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

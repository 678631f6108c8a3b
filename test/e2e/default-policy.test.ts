/**
 * The project's own missions, run by the built program under the policy that is built in: nothing is asked,
 * for it would be rejected and its task not be verified, and nothing is denied.
 */
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { programAs } from '../support/program-as.js';
import { USER } from '../tools/as-user.js';
import { removeTemporaryDirectories, temporaryDirectory } from '../tools/harness.js';

afterAll(removeTemporaryDirectories);

interface Report {
  readonly status: string;
  readonly tasks: readonly { readonly status: string }[];
  readonly waiting_calls: readonly unknown[];
}

/** Runs it in an empty directory; the report, and the lines about its events. */
async function run(mission: string, user: number | null): Promise<{ readonly report: Report; readonly lines: string }> {
  const home = temporaryDirectory();
  const [clone, work] = [join(home, 'clone'), join(home, 'work')];
  for (const directory of [clone, work]) mkdirSync(directory);
  if (user !== null) {
    chmodSync(home, 0o755);
    chownSync(work, user, user);
  }
  const clonePath = user === null ? resolve('.') : clone;
  const flags = ['--log', 'memory', '--models', 'playbook', '--json', '--on-ask', 'reject'];
  const [file, ...args] = programAs(user, clone, ['run', join(clonePath, `missions/${mission}.yaml`), ...flags]);
  const { PATH = '' } = process.env;
  const env = { PATH, HOME: work, WORKSPACE_ROOT: join(work, 'workspaces'), OLLAMA_HOST: 'http://127.0.0.1:9' };
  const options = { cwd: work, env, maxBuffer: 64 * 1024 * 1024 };
  const { stdout, stderr } = await promisify(execFile)(file, args, options);
  return { report: JSON.parse(stdout), lines: stderr };
}

function expectUntouched({ report, lines }: Awaited<ReturnType<typeof run>>): void {
  expect(lines).toMatch(/^Policy: .*built-in/m);
  expect(report).toMatchObject({ status: 'completed', waiting_calls: [] });
  expect(report.tasks.filter(({ status }) => status !== 'verified')).toEqual([]);
  for (const event of ['call_proposed', 'task_paused', 'approval_void']) expect(lines).not.toContain(`${event} | `);
}

const asAnother = process.getuid?.() === 0 ? test : test.skip;

test('hello completes without a question', async () => expectUntouched(await run('hello', null)), 300_000);

asAnother(
  'hello completes without a question as another user',
  async () => expectUntouched(await run('hello', USER)),
  300_000,
);

asAnother(
  'platform completes without a question as another user',
  async () => expectUntouched(await run('ravenhelm-platform', USER)),
  600_000,
);

test(
  'platform completes without a question',
  async () => expectUntouched(await run('ravenhelm-platform', null)),
  600_000,
);

/**
 * Attack cases that the tools and the sandbox decide, through `ravenhelm sandbox tool`, as root and as another user.
 * The fixture has for each case the layer that decides, and how a case of another design is mapped to ours.
 */
import { chownSync, existsSync, readdirSync, readFileSync, realpathSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { LAUNCHER_PATH } from '../../src/tools/launcher-process.js';
import { USER } from '../tools/as-user.js';
import { removeTemporaryDirectories } from '../tools/harness.js';
import { toolUser, type ToolResult } from './support/sandbox-tool.js';

const isRoot = process.getuid?.() === 0;

const caseSchema = z.strictObject({
  id: z.string(),
  expect: z.enum(['denied', 'contained', 'error', 'allowed']),
  /** What decides; none: the case is harmless, and everything lets it pass. */
  layer: z.enum(['policy', 'tool', 'sandbox', 'seccomp', 'none']),
  mapped: z.string().optional(),
  tool: z.string(),
  arguments: z.record(z.string(), z.unknown()),
  /** stdout and stderr are regular expressions; an outcome that is absent or any is not looked at. */
  result: z.strictObject({
    outcome: z.string().optional(),
    stdout: z.string().optional(),
    stderr: z.string().optional(),
    /** The limit that the outcome names. */
    limit: z.string().optional(),
  }),
  why: z.string(),
});
const fixture = readFileSync(new URL('./fixtures/sandbox-attacks.json', import.meta.url), 'utf8');
const cases = z.array(caseSchema).parse(JSON.parse(fixture));
/** In a variable of each kind that a program may read secrets or start files from. */
const CANARIES = {
  ANTHROPIC_API_KEY: 'sk-ant-api03-CANARY0123456789',
  KAFKA_SASL_PASSWORD: 'CANARYpw-42',
  KAFKA_SASL_MECHANISM: 'plain',
  KAFKA_SASL_USERNAME: 'me',
  AWS_SECRET_ACCESS_KEY: 'CANARYaws',
  npm_config__authToken: 'npm_CANARY0123456789',
  BASH_ENV: '/workspace/x',
  ENV: '/workspace/x',
};

const SETUP = [
  'printf "line\\nline\\n" > README.md; printf "b\\na\\n" > data.txt',
  'echo "echo PWNED" > x; echo "console.log(1)" > app.js',
  'printf \'{"scripts":{"test":"env"}}\' > package.json; printf "all:\\n\\tenv\\n" > Makefile',
  'ln -s /etc etc-link; ln -s / root-link; ln -s loop-b loop-a; ln -s loop-a loop-b; mkfifo pipe',
  'ln -s "$OUTSIDE/dangling" new.txt; mkdir many; cd many; seq 1 20000 | xargs touch',
].join('\n');

afterAll(removeTemporaryDirectories);

interface Attacked {
  readonly results: readonly ToolResult[];
  readonly outside: string;
  readonly workspace: string;
}

/** Makes all calls in one workspace by one process. */
async function attack(user: number | null): Promise<Attacked> {
  const { home, outside, workspace, call } = toolUser(user);
  writeFileSync(join(home, 'outside.txt'), 'CANARYoutside');
  writeFileSync(join(workspace, 'sparse'), '');
  truncateSync(join(workspace, 'sparse'), 2 ** 40);
  const owner = user ?? (isRoot ? SANDBOX_ACCOUNT.uid : null);
  if (owner !== null) for (const path of [workspace, join(workspace, 'sparse')]) chownSync(path, owner, owner);
  const setup = { tool: 'execute_terminal_command', arguments: { command: SETUP.replaceAll('$OUTSIDE', outside) } };
  // Not in what the sandbox mounts: a node that has it in NODE_OPTIONS ends with an error.
  const harmless = join(home, 'harmless.cjs');
  writeFileSync(harmless, '');
  const calls = [setup, ...cases.map((one) => ({ tool: one.tool, arguments: expanded(one.arguments) }))];
  const [prepared, ...results] = await call(calls, {
    env: { NODE_OPTIONS: `--require ${harmless}`, ...CANARIES },
  });
  expect(prepared).toMatchObject({ outcome: 'ok' });
  return { results, outside, workspace };
}

/** `<N times X>` is that text. */
function expanded(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const long = (value: unknown): unknown => {
    const [, count, letter = ''] = typeof value === 'string' ? (/^<(\d+) times (.)>$/.exec(value) ?? []) : [];
    return count === undefined ? value : letter.repeat(Number(count));
  };
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, long(value)]));
}

const sleepers = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === 'sleep\x00987\x00';
    } catch {
      return false; // it ended meanwhile
    }
  });

/** What differs from the fixture, by case. */
function differences(results: readonly ToolResult[]): readonly unknown[] {
  return cases.flatMap(({ id, result: wanted }, index) => {
    const found = results[index] ?? { outcome: 'missing', stdout: '', stderr: '', limit: null };
    const fits =
      (wanted.outcome === undefined || wanted.outcome === 'any' || wanted.outcome === found.outcome) &&
      (wanted.limit === undefined || wanted.limit === found.limit) &&
      new RegExp(wanted.stdout ?? '').test(found.stdout) &&
      new RegExp(wanted.stderr ?? '').test(found.stderr);
    const { outcome, limit } = found;
    const shown = { outcome, limit, stdout: found.stdout.slice(0, 300), stderr: found.stderr.slice(0, 300) };
    return fits ? [] : [{ id, wanted, found: shown }];
  });
}

/** Where the launcher finds it; the worker's PATH makes no difference. */
function bubblewrap(): string {
  const found = LAUNCHER_PATH.split(':')
    .map((directory) => join(directory, 'bwrap'))
    .find((path) => existsSync(path));
  if (found === undefined) throw new RangeError('bwrap is not installed');
  return realpathSync(found);
}

describe.each([
  ['this user', null],
  ['another user than root', USER],
])('as %s', (_, user) => {
  (user === null || isRoot ? test : test.skip)(
    'each attack ends as expected, harmless commands work, and nothing changes outside',
    async () => {
      const { results, outside, workspace } = await attack(user);
      expect(differences(results)).toEqual([]);
      expect(results).toHaveLength(cases.length);
      expect(JSON.stringify(results)).not.toContain('CANARY');
      expect(readdirSync(outside)).toEqual([]);
      expect(existsSync('/etc/cron.d/x')).toBe(false);
      expect(readFileSync(join(workspace, 'new.txt'), 'utf8')).toBe('x');
      expect(sleepers()).toEqual([]);
    },
    240_000,
  );

  (isRoot ? test : test.skip)(
    'cmd-079, cmd-080: without bubblewrap no command runs, of no form, and the refusal says what to install',
    async () => {
      const { workspace, call } = toolUser(user);
      const commands = ['ls | wc -l', 'ls; id', 'ls'];
      const write = { tool: 'workspace_write', arguments: { path: 'x', content: 'x' } };
      const calls = commands.map((command) => ({ tool: 'execute_terminal_command', arguments: { command } }));
      const results = await call([...calls, write], { hidden: bubblewrap() });
      expect(results).toHaveLength(4);
      for (const { outcome, stdout, stderr } of results)
        expect({ outcome, stdout, stderr }).toEqual({
          outcome: 'refused',
          stdout: '',
          stderr: expect.stringMatching(/bwrap is not installed[^]*apt-get install -y bubblewrap/),
        });
      expect(readdirSync(workspace)).not.toContain('x');
    },
    60_000,
  );
});

/**
 * Attack cases that the tools and the sandbox decide, through `ravenhelm sandbox tool`, as root and as another user.
 * The fixture has for each case the layer that decides, and how a case of another design is mapped to ours.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { join } from 'node:path';
import { z } from 'zod';
import { programAs } from '../support/program-as.js';
import { USER } from '../tools/as-user.js';
import { removeTemporaryDirectories, temporaryDirectory } from '../tools/harness.js';

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
const resultSchema = z.object({
  outcome: z.string(),
  stdout: z.string(),
  stderr: z.string(),
  limit: z.string().nullable(),
});
type Result = z.output<typeof resultSchema>;

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
  readonly results: readonly Result[];
  /** Beside the workspace; the commands cannot see it. */
  readonly outside: string;
  readonly workspace: string;
}

/** Makes all calls in one workspace by one process. */
async function attack(user: number | null): Promise<Attacked> {
  const home = temporaryDirectory();
  const [outside, workspace, clone, root] = ['outside', 'workspace', 'clone', 'root'].map((name) => join(home, name));
  if (outside === undefined || workspace === undefined || clone === undefined || root === undefined) throw new Error();
  for (const directory of [outside, workspace, clone, root]) mkdirSync(directory);
  writeFileSync(join(home, 'outside.txt'), 'CANARYoutside');
  // Each case reaches the layer that is tested: no rule stops it before.
  writeFileSync(join(home, 'policy.yaml'), 'default: allow\n');
  if (user !== null) {
    chmodSync(home, 0o755);
    for (const directory of [outside, workspace, root]) chownSync(directory, user, user);
  }
  const setup = { tool: 'execute_terminal_command', arguments: { command: SETUP.replaceAll('$OUTSIDE', outside) } };
  const calls = [setup, ...cases.map((one) => ({ tool: one.tool, arguments: expanded(one.arguments) }))];
  // Not in what the sandbox mounts: a node that has it in NODE_OPTIONS ends with an error.
  const harmless = join(home, 'harmless.cjs');
  writeFileSync(harmless, '');
  const [file, ...rest] = programAs(user, clone, ['sandbox', 'tool', '--json', '--workspace', workspace, '-']);
  const { PATH = '' } = process.env;
  const child = spawn(file, rest, {
    cwd: home,
    env: { PATH, HOME: home, WORKSPACE_ROOT: root, NODE_OPTIONS: `--require ${harmless}`, ...CANARIES },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A program that refuses to start does not read it; its exit code says so.
  child.stdin.on('error', () => undefined).end(calls.map((call) => `${JSON.stringify(call)}\n`).join(''));
  const [stdout, stderr] = await Promise.all([readAll(child.stdout), readAll(child.stderr), once(child, 'close')]);
  expect({ code: child.exitCode, stderr }).toEqual({ code: 0, stderr: '' });
  const [prepared, ...results] = stdout
    .trim()
    .split('\n')
    .map((line) => resultSchema.parse(JSON.parse(line)));
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
function differences(results: readonly Result[]): readonly unknown[] {
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
});

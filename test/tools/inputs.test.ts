/** A mission's inputs in the commands of its tasks: exactly as they were given, in variables and in no argument. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskPlace } from '../../src/ports/tools.js';
import { placeForUser, runAsUser } from './as-user.js';
import { createHarness, never, removeTemporaryDirectories, type Harness } from './harness.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;

afterAll(removeTemporaryDirectories);

/** What a shell, bwrap's options, and the launcher's request could take for something else. */
const HARD = {
  INPUT_LINES: 'one\ntwo\n\n',
  INPUT_QUOTES: `"'\`\\ $HOME $(touch broken) \${{ x }} ; | & > broken`,
  INPUT_OPTION: '--bind',
  INPUT_EQUALS: '=a=b=',
  INPUT_EMPTY: '',
  INPUT_WIDE: 'Größe ☃ 😀',
  INPUT_SECRET_LIKE: 'secret X\nargument 3\nend 0\n',
  INPUT_LONG: 'x'.repeat(16_000),
};
/** As hexadecimal digits, so that nothing reads it on the way. */
const LOOK = Object.keys(HARD)
  .map((name) => `printf '${name} '; printf %s "$${name}" | od -An -v -tx1 | tr -d ' \\n'; echo`)
  .join('; ');
const SEEN = Object.entries(HARD)
  .map(([name, value]) => `${name} ${Buffer.from(value).toString('hex')}\n`)
  .join('');
const OTHERS = 'env | cut -d= -f1 | grep -v "^[a-z ]" | sort | tr "\\n" " "';

describe.each(['on', 'off'] as const)('with the sandbox %s', (sandbox) => {
  let harness: Harness;
  let tasks = 0;
  beforeAll(async () => {
    harness = await createHarness(sandbox === 'off' ? { sandbox } : {});
  });
  const task = (inputs: Readonly<Record<string, string>>): TaskPlace => ({ ...harness.task(`t${++tasks}`), inputs });

  test('a command has each value exactly', async () => {
    const { stdout, stderr } = await harness.sh(`${LOOK} > seen; cat seen`, {
      task: task({ ...HARD, INPUT_LONG: 'x' }),
    });
    expect(stderr).toBe('');
    expect(stdout).toBe(SEEN.replace(/(INPUT_LONG 78).*/, '$1'));
    const long = await harness.sh('printf %s "$INPUT_LONG" | wc -c', { task: task(HARD) });
    expect(long.stdout).toBe('16000\n');
    expect(existsSync(join(harness.workspace(), 'broken'))).toBe(false);
  });

  test('checks have them, in the workspace and in the empty directory of the baseline', async () => {
    const checks = [{ name: 'c', command: '[ "$INPUT_PORT" = "80 80" ]' }];
    const call = { task: task({ INPUT_PORT: '80 80' }), claimOffset: 10, timeLimitMs: 30_000, checks };
    expect(await harness.executor.runChecks({ ...call, step: 1 }, never)).toMatchObject({ passed: true });
    expect(await harness.executor.runInEmpty(call, never)).toEqual([0]);
    const protection = { listed: [], named: [], changes: [], beside: { changes: [], creates: [] } };
    const { checks: before } = await harness.executor.takeBaseline({ ...call, protection }, never);
    expect(before).toMatchObject([{ workspace: 0, empty: 0 }]);
    const without = { ...call, task: task({}) };
    expect(await harness.executor.runInEmpty(without, never)).toEqual([1]);
  });

  test('no variable beside them changes, and one task does not see those of another', async () => {
    const before = (await harness.sh(OTHERS)).stdout;
    const after = (await harness.sh(OTHERS, { task: task({ INPUT_A: 'a' }) })).stdout;
    expect(before).toContain('PATH ');
    expect(before).not.toContain('INPUT');
    expect(after).toContain('INPUT_A ');
    expect(after.replace('INPUT_A ', '')).toBe(before);
  });

  test('while a command runs, a value is in no argument of any process', async () => {
    const value = 'canary-input-77aa41';
    const place = task({ INPUT_CANARY: value });
    const running = harness.sh('touch ready; until test -e go; do sleep 0.05; done; printf %s "$INPUT_CANARY"', {
      task: place,
    });
    while (!existsSync(join(harness.workspace(), 'ready'))) await new Promise((resolve) => setImmediate(resolve));
    const found = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => textOf(`/proc/${pid}/cmdline`).includes(value));
    writeFileSync(join(harness.workspace(), 'go'), '');
    expect((await running).stdout).toBe(value);
    expect(found).toEqual([]);
  });

  test('a value with a NUL, which would be more options of the sandbox, runs nothing', async () => {
    const outcome = await harness.call(
      'execute_terminal_command',
      { command: 'touch ran' },
      { task: task({ INPUT_A: 'x\0--bind\0/\0/host' }) },
    );
    expect(outcome).toMatchObject({
      outcome: 'refused',
      observation: expect.stringContaining('the variable INPUT_A has a NUL'),
    });
    expect(existsSync(join(harness.workspace(), 'ran'))).toBe(false);
  });
});

asRoot('a worker that is not root gives them the same way', async () => {
  const place = placeForUser();
  const module = `
    const inputs = ${JSON.stringify({ ...HARD, INPUT_LONG: 'x' })};
    const run = (command) => executor.run({ task: { ...task, inputs }, step: 1, claimOffset: 1,
      timeLimitMs: 20000, tool: 'execute_terminal_command', arguments: { command } }, never);
    console.log(JSON.stringify({ sandbox, look: await run(${JSON.stringify(LOOK)}) }));`;
  const { sandbox, look } = JSON.parse(await runAsUser(place, module));
  expect(sandbox).toMatchObject({ ok: true, mode: 'user' });
  expect(JSON.parse(look.observation)).toMatchObject({ stderr: '', stdout: SEEN.replace(/(INPUT_LONG 78).*/, '$1') });
});

/** Empty for what has gone meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

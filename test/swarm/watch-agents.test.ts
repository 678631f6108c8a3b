/** Agents' files on a real disk, read again while they are written. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rereadRoster } from '../../src/agent/reread-roster.js';
import { loadRoster, type Roster } from '../../src/agent/roster.js';
import { silentLogger } from '../../src/ports/logger.js';
import { watchAgents, type AgentsWatch } from '../../src/swarm/watch-agents.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { until } from '../contract/until.js';

const OPTIONS = { tools: ['execute_terminal_command'] };
const file = (name: string, extra = '', prompt = 'You work.') =>
  `---\nname: ${name}\ndescription: Works.\nphase: 1\ntools: [execute_terminal_command]\n${extra}---\n${prompt}\n`;

let dir: string;
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'ravenhelm-agents-')), 'agents');
  await mkdir(dir);
  await put('a_agent', file('a_agent'));
  await put('b_agent', file('b_agent'));
});
afterEach(() => rm(join(dir, '..'), { recursive: true, force: true }));

const put = (name: string, text: string) => writeFile(join(dir, `${name}.md`), text);

describe('files that are read again', () => {
  test('come into force each by itself: what cannot be used leaves the old one there', async () => {
    const before = await loadRoster(dir, OPTIONS);
    await put('a_agent', file('a_agent', 'concurrency: many\n'));
    await put('b_agent', file('b_agent', 'concurrency: 3\n'));
    await put('c_agent', file('c_agent', 'depends_on: [none_agent]\n'));
    await put('d_agent', file('d_agent'));
    const { roster, problems } = await rereadRoster(dir, OPTIONS, before);
    expect(roster.names).toEqual(['a_agent', 'b_agent', 'd_agent']);
    expect(roster.byName('a_agent')).toBe(before.byName('a_agent'));
    expect(roster.byName('b_agent')?.concurrency).toBe(3);
    expect(problems.map((problem) => problem.replace(/^.*\//, ''))).toEqual([
      expect.stringMatching(/^a_agent\.md:6:\d+: /),
      expect.stringMatching(/^c_agent\.md:/),
    ]);
  });

  test('keep what was there when the directory is gone or empty', async () => {
    const before = await loadRoster(dir, OPTIONS);
    await rm(dir, { recursive: true });
    const { roster, problems } = await rereadRoster(dir, OPTIONS, before);
    expect(roster).toBe(before);
    expect(problems).toEqual([expect.stringContaining('does not exist')]);
  });

  test('are refused where they would close a cycle, and where this process has no model for them', async () => {
    await put('b_agent', file('b_agent', 'depends_on: [a_agent]\n'));
    const before = await loadRoster(dir, OPTIONS);
    await put('a_agent', file('a_agent', 'depends_on: [b_agent]\n'));
    await put('c_agent', file('c_agent', 'models: [nothing]\n'));
    const refuse = ({ models }: { readonly models: readonly string[] | null }) =>
      models === null ? null : { message: 'no such model', fix: 'correct its models' };
    const { roster, problems } = await rereadRoster(dir, OPTIONS, before, refuse);
    expect(roster.byName('a_agent')?.dependsOn).toEqual([]);
    expect(roster.names).not.toContain('c_agent');
    expect(problems).toEqual([
      expect.stringMatching(/c_agent\.md:2:\d+: no such model; correct its models$/),
      expect.stringMatching(/a_agent\.md:6:\d+: depends_on has a cycle: /),
    ]);
  });
});

describe('a watch of the directory', () => {
  let watch: AgentsWatch;
  let roster: Roster;
  let applied: { readonly names: readonly string[]; readonly problems: readonly string[] }[];
  let isWaiting: boolean;
  afterEach(() => watch.stop());

  async function start(timings = {}): Promise<void> {
    roster = await loadRoster(dir, OPTIONS);
    applied = [];
    isWaiting = false;
    watch = watchAgents({
      dir,
      clock: createSystemClock(),
      logger: silentLogger,
      timings: { pollMs: 60_000, settleMs: 50, faultyMs: 1_500, againMs: 50, ...timings },
      isWaiting: () => isWaiting,
      async read() {
        const next = await rereadRoster(dir, OPTIONS, roster);
        return {
          isFaulty: next.problems.length > 0,
          async apply() {
            roster = next.roster;
            applied.push({ names: roster.names, problems: next.problems });
          },
        };
      },
    });
    await watch.refresh(); // what was there
    applied = [];
  }

  test('hands on a new file at once, by what the operating system says', async () => {
    await start();
    await put('c_agent', file('c_agent'));
    await until('the new agent', () => applied.some(({ names }) => names.includes('c_agent')));
  });

  test('reads a burst of writes once', async () => {
    await start({ settleMs: 500 });
    for (let n = 0; n < 20; n += 1) await put('c_agent', file('c_agent', '', `You work ${n} times.`));
    await until('the new agent', () => applied.length > 0);
    await watch.refresh();
    expect(applied).toHaveLength(1);
    expect(roster.byName('c_agent')?.prompt).toBe('You work 19 times.');
  });

  test('reads a file that an editor has replaced by another one', async () => {
    await start();
    await writeFile(join(dir, '.a_agent.md.swp'), file('a_agent', 'concurrency: 2\n'));
    await rename(join(dir, '.a_agent.md.swp'), join(dir, 'a_agent.md'));
    await until('the new revision', () => roster.byName('a_agent')?.concurrency === 2);
  });

  test('takes no half-written file for a fault until it stays so', async () => {
    await start();
    const whole = file('c_agent', 'concurrency: 2\n');
    await put('c_agent', whole.slice(0, 30));
    await new Promise((resolve) => setTimeout(resolve, 150)); // the time of the writer itself
    await put('c_agent', whole);
    await until('the new agent', () => applied.length > 0);
    expect(applied).toEqual([{ names: ['a_agent', 'b_agent', 'c_agent'], problems: [] }]);
    await put('c_agent', whole.slice(0, 30));
    await until('the fault', () => applied.length > 1);
    expect(applied[1]).toMatchObject({ names: ['a_agent', 'b_agent', 'c_agent'], problems: [expect.any(String)] });
  });

  test('sees a directory that was replaced, by its polls', async () => {
    await start({ pollMs: 50 });
    await rename(dir, `${dir}.old`);
    await until('the missing directory', () => applied.at(-1)?.problems.length === 1);
    await mkdir(dir);
    await put('a_agent', file('a_agent'));
    await put('c_agent', file('c_agent'));
    await until('the new directory', () => applied.at(-1)?.names.includes('c_agent') === true);
    expect(applied.at(-1)).toEqual({ names: ['a_agent', 'c_agent'], problems: [] });
  });

  test('hands the same files on again while something else is waited for', async () => {
    await start({ pollMs: 50 });
    isWaiting = true;
    await until('two more', () => applied.length >= 2);
    isWaiting = false;
  });
});

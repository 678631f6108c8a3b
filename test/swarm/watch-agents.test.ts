/** Agents' files on a real disk, read again while they are written. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rereadRoster } from '../../src/agent/reread-roster.js';
import { loadRoster, type Roster } from '../../src/agent/roster.js';
import type { Clock } from '../../src/ports/clock.js';
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

  test('say the line of an agent that is wrong as a whole, and that of a file which is gone as it was', async () => {
    const before = await loadRoster(dir, OPTIONS);
    await put('a_agent', `---\ndescription: Works.\nname: a_agent\nphase: 1\ntools: []\n---\nYou work.\n`);
    await rm(join(dir, 'b_agent.md'));
    const { roster } = await rereadRoster(dir, OPTIONS, before);
    const place = (name: string) => {
      const { file: path, line, message } = roster.problemOf(name, 'its topic collides', 'rename it');
      return [path.replace(/^.*\//, ''), line, message];
    };
    expect(place('a_agent')).toEqual(['a_agent.md', 3, 'its topic collides']);
    expect(place('b_agent')).toEqual(['b_agent.md', 2, 'its topic collides']);
  });

  test('are refused with the name of another file, without front matter, and where they are no text', async () => {
    const before = await loadRoster(dir, OPTIONS);
    await put('0_agent', file('a_agent', 'concurrency: 7\n'));
    await put('a_agent', file('a_agent', 'concurrency: 2\n'));
    await writeFile(join(dir, 'd_agent.md'), Buffer.from([0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0xfe]));
    await put('b_agent', 'You work.');
    const { roster, problems } = await rereadRoster(dir, OPTIONS, before);
    expect(roster.names).toEqual(['a_agent', 'b_agent']);
    expect(roster.byName('a_agent')?.concurrency).toBe(2); // it does not wait for the file that has its name
    expect(roster.byName('b_agent')).toBe(before.byName('b_agent'));
    expect(problems.map((problem) => problem.replace(`${dir}/`, '').replace(dir, '')).sort()).toEqual([
      expect.stringMatching(/^0_agent\.md:2:\d+: the name "a_agent" differs from the file's name "0_agent"/),
      expect.stringMatching(/^0_agent\.md:2:\d+: the name "a_agent" is already used by \S*a_agent\.md/),
      expect.stringMatching(/^b_agent\.md:1:1: the front matter is missing/),
      expect.stringMatching(/^d_agent\.md: this is not a text file/),
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

/** Timers that are pending. */
const timers = new Set<object>();
function countingClock(): Clock {
  const clock = createSystemClock();
  return {
    ...clock,
    setTimer(delayMs, callback) {
      const timer = clock.setTimer(delayMs, () => {
        timers.delete(timer);
        callback();
      });
      timers.add(timer);
      return {
        cancel() {
          timers.delete(timer);
          timer.cancel();
        },
      };
    },
  };
}

/** The watches of directories that this process has, as Linux lists them (proc(5), fdinfo); null elsewhere. */
async function systemWatches(): Promise<number | null> {
  if (process.platform !== 'linux') return null;
  const infos = (await readdir('/proc/self/fdinfo')).map((fd) =>
    readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => ''),
  );
  return (await Promise.all(infos))
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith('inotify ')).length;
}

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
      clock: countingClock(),
      logger: silentLogger,
      timings: { pollMs: 60_000, settleMs: 50, faultyMs: 1_500, againMs: 50, ...timings },
      isWaiting: () => isWaiting,
      async read() {
        const next = await rereadRoster(dir, OPTIONS, roster);
        return {
          isFaulty: next.problems.length > 0 || roster.names.some((name) => next.roster.byName(name) === undefined),
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

  test('keeps an agent whose editor deletes its file and writes it again', async () => {
    await start();
    await rm(join(dir, 'a_agent.md'));
    await new Promise((resolve) => setTimeout(resolve, 300)); // the time of the editor itself
    await put('a_agent', file('a_agent', 'concurrency: 2\n'));
    await until('the new revision', () => roster.byName('a_agent')?.concurrency === 2);
    expect(applied.map(({ names }) => names)).toEqual([['a_agent', 'b_agent']]);
    await rm(join(dir, 'a_agent.md'));
    await until('that it is gone', () => applied.length > 1);
    expect(applied[1]).toEqual({ names: ['b_agent'], problems: [] });
  });

  test('leaves no timer and no watch of the system behind, whenever it is stopped', async () => {
    const before = await systemWatches();
    for (const waitMs of [0, 20, 120]) {
      await start({ settleMs: 100 });
      await put('c_agent', file('c_agent', '', `You work ${waitMs} ms.`));
      await new Promise((resolve) => setTimeout(resolve, waitMs)); // before, in and after a look
      if (before !== null) expect(await systemWatches()).toBe(before + 1);
      await watch.stop();
      expect(timers.size).toBe(0);
      expect(await systemWatches()).toBe(before);
    }
    const times = applied.length;
    await put('d_agent', file('d_agent'));
    await watch.refresh();
    expect(applied).toHaveLength(times);
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

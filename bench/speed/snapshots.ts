/**
 * What snapshots of a large workspace take: the first one, which reads every file, the second one, before which a few
 * files were changed, and git's own look at the same tree. It needs no broker.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRedactor } from '../../src/domain/redaction.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { takeSnapshot } from '../../src/tools/snapshots/take.js';
import { figure, type Finding } from '../support/report.js';

const FILES = 50_000;
const IN_DIRECTORY = 50;
/** As many as a wave of twelve tasks may change. */
const CHANGED = 100;
/** A file that is younger is read again, because it may change without a new time. */
const SETTLED_MS = 2_500;
const SECRETS = ['correct-horse-battery-staple'];

const run = promisify(execFile);

interface Sample {
  readonly first: Taken;
  readonly second: Taken;
  readonly add: number;
  readonly status: number;
}

export async function measureSnapshots(rounds: number): Promise<readonly Finding[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) samples.push(await sampleOf());
  const all = (of: (sample: Sample) => number) => samples.map(of);
  const title = `snapshots of ${FILES} files (goal: the second one in at most 2 s)`;
  return [
    {
      title,
      figures: [
        figure('the first snapshot', 's', ...all(({ first }) => first.seconds)),
        figure('… processor time', 's', ...all(({ first }) => first.processorSeconds)),
        figure(`the second snapshot, ${CHANGED} files changed`, 's', ...all(({ second }) => second.seconds)),
        figure('… processor time', 's', ...all(({ second }) => second.processorSeconds)),
        figure('… longest wait of other work', 's', ...all(({ second }) => second.waitSeconds)),
        figure('git add of all of them', 's', ...all(({ add }) => add)),
        figure(`git status, ${CHANGED} files changed`, 's', ...all(({ status }) => status)),
        figure('the first ÷ git add', '×', ...all(({ first, add }) => first.seconds / add)),
        figure('the second ÷ the first', '×', ...all(({ second, first }) => second.seconds / first.seconds)),
        figure('the second ÷ git status', '×', ...all(({ second, status }) => second.seconds / status)),
      ],
    },
  ];
}

/** Another tree for each sample, so that none finds the objects of another. */
async function sampleOf(): Promise<Sample> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-bench-')));
  try {
    await workspaceMarker(base);
    await writeTree(base);
    const git = (...args: readonly string[]) => run('git', ['-C', base, ...args], { maxBuffer: 1 << 26 });
    await git('init', '-q');
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    const first = await takenIn(() => take(base, 0));
    const add = await secondsOf(() => git('add', '-A'));
    for (let index = 0; index < CHANGED; index += 1)
      await writeFile(fileOf(base, index * (FILES / CHANGED)), `changed ${index}\n`);
    const second = await takenIn(() => take(base, 1));
    const status = await secondsOf(() => git('status', '--porcelain'));
    return { first, second, add, status };
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

const fileOf = (base: string, index: number): string =>
  join(base, 'src', `directory-${Math.floor(index / IN_DIRECTORY)}`, `file-${index}.ts`);

/** As many patterns as repositories have. */
const IGNORED = [
  'node_modules/',
  'dist/',
  '*.log',
  '.env',
  'coverage',
  '/build',
  '*.tmp',
  '.DS_Store',
  '*.swp',
  'tmp/',
];

/** Sources of about 1.5 KB, no two of which are the same. */
async function writeTree(base: string): Promise<void> {
  await writeFile(join(base, '.gitignore'), `${IGNORED.join('\n')}\n`);
  for (let from = 0; from < FILES; from += IN_DIRECTORY) {
    await mkdir(join(fileOf(base, from), '..'), { recursive: true });
    const indexes = Array.from({ length: IN_DIRECTORY }, (_, index) => from + index);
    await Promise.all(indexes.map((index) => writeFile(fileOf(base, index), textOf(index))));
  }
}

const textOf = (index: number): string =>
  Array.from({ length: 30 }, (_, line) => `export const value_${index}_${line} = compute(${index}, ${line});\n`).join(
    '',
  );

async function take(base: string, wave: number): Promise<void> {
  const options = {
    ...({ missionId: 'bench', workspaceOf: '', wave, when: 'settled', mostBytes: Infinity } as const),
    redact: createRedactor(SECRETS),
  };
  const place = { base, workspace: base, holdsState: true };
  const facts = await takeSnapshot(place, options, new AbortController().signal);
  if (facts?.files !== FILES + 1) throw new Error(`The snapshot has ${facts?.files ?? 'no'} files, not ${FILES + 1}.`);
}

interface Taken {
  readonly seconds: number;
  readonly processorSeconds: number;
  /** How late a timer of the same process was at most. */
  readonly waitSeconds: number;
}

const TICK_MS = 10;

async function takenIn(work: () => Promise<unknown>): Promise<Taken> {
  const before = process.cpuUsage();
  let [lastMs, waitMs] = [performance.now(), 0];
  const ticks = setInterval(() => {
    const nowMs = performance.now();
    [waitMs, lastMs] = [Math.max(waitMs, nowMs - lastMs - TICK_MS), nowMs];
  }, TICK_MS);
  const seconds = await secondsOf(work);
  clearInterval(ticks);
  const { user, system } = process.cpuUsage(before);
  return { seconds, processorSeconds: (user + system) / 1e6, waitSeconds: waitMs / 1000 };
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / 1000;
}

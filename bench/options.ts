/** What npm run bench is asked to do. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PRESSURE_PARTS, type PressurePart } from './pressure/pressure.js';
import type { PressureOptions } from './pressure/options.js';
import type { ScaleOptions } from './scale/rebalance.js';
import { SPEED_PARTS, type SpeedPart } from './speed/speed.js';
import type { SpeedOptions } from './speed/options.js';

export const USAGE = `npm run bench -- [speed | scale | pressure] [part …] [options]
speed (default)        how fast the swarm is, beside the floors of the same run
  one-task             from the decision to the result, one task at a time
  in-flight            tasks a second with 12, 60, 200 and 1,000 under way
  durable-call         what a journaled tool call adds, and whether it stays so
  start-up             from the start to the first task, with 0, 100,000 and 1,000,000 records behind the replay points
  missions             what users wait for: missions of two role processes, in ms a wave and processor time a task
  history              seconds of status, watch, show and submit --wait with 0, 100,000 and 1,000,000 records before
  scale-out            tasks a second with 1, 2 and 4 worker processes, beside the ideal
  at-rest              processor time and memory of a swarm that has nothing to do
  cpu                  what the processor time of a task goes into
  mission-size         what a task costs in missions of 10 to 10,000 tasks; needs no broker
  sandbox              what the sandbox adds to a command, and its parts; needs no broker
  snapshots            the first and second snapshot of 50,000 files, beside git; needs no broker
  --beside DIR         another copy of the product, built, that missions measures in turns with this one
  --traced             the other copy, without --beside this one again, sends its traces to a server of the bench
  --profile DIR        cpu keeps its last profile there, as a flame graph (SVG) and for DevTools
  --history N          missions that durable-call runs in one topic (default 10000)
scale                  what a group of very many workers costs when one comes or goes; needs no broker
  --workers N          in the group (default 1000)
  --partitions N       of the agent's topic (default 3000)
pressure               whether much work lets a process grow, and how long a start takes in front of it
  queued-tasks         a worker starts in front of many queued tasks
  open-missions        an orchestrator starts with many open missions
  long-tasks-topic     a worker starts with much log after, then before its replay point
  long-coordination    the same for an orchestrator
  long-load            missions without end: whether a worker and an orchestrator grow
  --tasks N            queued tasks (default 100000)
  --missions N         missions that they belong to, and open missions (default 1000)
  --megabytes N        size of the long topics (default 1024)
  --watch S            seconds that memory is watched for once everything is folded (default 20)
  --minutes N          of long-load (default 60)
of speed and scale
  --rounds N           of each figure (default 5)
of all
  --json               the figures as one JSON document
  --help               this text
`;

type Wanted =
  | {
      readonly bench: 'speed';
      readonly parts: readonly SpeedPart[];
      readonly options: Omit<SpeedOptions, 'cluster' | 'projectDir' | 'floors'>;
    }
  | { readonly bench: 'scale'; readonly options: ScaleOptions }
  | {
      readonly bench: 'pressure';
      readonly parts: readonly PressurePart[];
      readonly options: Omit<PressureOptions, 'cluster' | 'projectDir'>;
    };

export type Task = { readonly kind: 'help' } | ({ readonly kind: 'measure'; readonly json: boolean } & Wanted);

/** The command line asks for something that is not there. */
export class WrongUse extends Error {
  readonly code = 'wrong_use';
  readonly retriable = false;
}

const number = (value: number) => ({ type: 'string', default: String(value) }) as const;
const OPTIONS = {
  rounds: number(5),
  history: number(10_000),
  workers: number(1_000),
  partitions: number(3_000),
  tasks: number(100_000),
  missions: number(1_000),
  megabytes: number(1_024),
  watch: number(20),
  minutes: number(60),
  profile: { type: 'string' },
  beside: { type: 'string' },
  traced: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @throws WrongUse */
export function taskOf(argv: readonly string[]): Task {
  const {
    values,
    positionals: [bench = 'speed', ...names],
  } = parse(argv);
  if (values.help) return { kind: 'help' };
  const count = (
    name: 'rounds' | 'history' | 'workers' | 'partitions' | 'tasks' | 'missions' | 'megabytes' | 'watch' | 'minutes',
  ) => wholeNumber(name, values[name]);
  return { kind: 'measure', json: values.json, ...wantedOf() };

  function wantedOf(): Wanted {
    switch (bench) {
      case 'speed':
        return {
          bench,
          parts: partsOf(bench, SPEED_PARTS, names),
          options: {
            rounds: count('rounds'),
            history: count('history'),
            profileDir: values.profile ?? null,
            beside: values.beside === undefined ? null : resolve(values.beside),
            traced: values.traced,
          },
        };
      case 'scale':
        return {
          bench,
          options: { rounds: count('rounds'), workers: count('workers'), partitions: count('partitions') },
        };
      case 'pressure':
        return {
          bench,
          parts: partsOf(bench, PRESSURE_PARTS, names),
          options: {
            tasks: count('tasks'),
            missions: count('missions'),
            megabytes: count('megabytes'),
            watch: count('watch'),
            minutes: count('minutes'),
          },
        };
      default:
        throw new WrongUse(`there is no bench ${bench}; there are speed, scale and pressure`);
    }
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    // By its message: node's errors may come from another realm than this module's Error. Its second sentence is about
    // other programs.
    const message =
      typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
    throw new WrongUse(message.split('. ')[0] ?? message);
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new WrongUse(`--${name} ${text}: it takes a whole number from 1`);
  return Number(text);
}

function partsOf<P extends string>(bench: string, parts: readonly P[], names: readonly string[]): readonly P[] {
  const unknown = names.find((name) => parts.every((part) => part !== name));
  if (unknown !== undefined) throw new WrongUse(`${bench} has no part ${unknown}; it has ${parts.join(', ')}`);
  return names.length === 0 ? parts : parts.filter((part) => names.includes(part));
}

/**
 * What the tasks of one wave say that they write. They run side by side in one workspace, so that no listing tells
 * whose a change is: what another task is to write must not fail a task that protects the directory around it.
 */
import { pathsNamedBy } from './check-paths.js';
import type { Check, WrittenBeside } from './events.js';
import type { MissionTask } from './mission-task-state.js';
import { byteLength, SIZES } from './sizes.js';
import { plannedPath } from './workspace-path.js';

/** What an agent's playbook adds to a task. */
export interface PlaybookWrites {
  readonly acceptance: readonly Check[];
  readonly changes: readonly string[];
}

export const WRITES_NOTHING: PlaybookWrites = { acceptance: [], changes: [] };

/** What either of two revisions of a playbook writes, each once; of one that has not changed: the same. */
export function mergedWrites(a: PlaybookWrites, b: PlaybookWrites): PlaybookWrites {
  const acceptance = b.acceptance.filter(({ command }) => a.acceptance.every((check) => check.command !== command));
  const changes = b.changes.filter((path) => !a.changes.includes(path));
  if (acceptance.length + changes.length === 0) return a;
  return { acceptance: [...a.acceptance, ...acceptance], changes: [...a.changes, ...changes] };
}

/** Of a wave's tasks; a playbook of several tasks counts once. */
interface WaveWrites {
  readonly tasks: number;
  readonly plans: PathIndex;
  /** agent and playbook, for each pair that a task of the wave has. */
  readonly playbooks: readonly (readonly [agent: string, playbook: string])[];
}

interface PathIndex {
  readonly changes: PathsByDirectory;
  readonly creates: PathsByDirectory;
}

/** The paths below each directory, each path also below all directories above its own; '' is the workspace. */
type PathsByDirectory = ReadonlyMap<string, ReadonlySet<string>>;

/** A wave's tasks do not change: they are read once, whatever the number of its assignments. */
const readBefore = new WeakMap<readonly string[], WaveWrites>();

/**
 * What the tasks beside a task write that the task protects.
 * @param taskIds of the wave; the same list gives the same answer
 * @param own what the task protects and what its checks name
 * @returns null: no task is beside it, or it protects nothing
 */
export function writtenBeside(
  taskIds: readonly string[],
  taskOf: (id: string) => MissionTask | undefined,
  own: { readonly listed: readonly string[]; readonly checks: readonly Check[] },
  writesOf: (agent: string, playbook: string) => PlaybookWrites,
): WrittenBeside | null {
  const paths = [...own.listed, ...pathsNamedBy(own.checks.map(({ command }) => command)).map(({ path }) => path)];
  if (taskIds.length < 2 || paths.length === 0) return null;
  const wave = readBefore.get(taskIds) ?? readWave(taskIds, taskOf);
  readBefore.set(taskIds, wave);
  const playbooks = indexOf(wave.playbooks.map(([agent, playbook]) => writesOf(agent, playbook)));
  const roots = [...new Set(paths.map(withoutPattern))].sort();
  const indexes = [wave.plans, playbooks];
  return {
    tasks: wave.tasks - 1,
    changes: within(roots, '', (root) => gather(indexes.map(({ changes }) => overlapping(changes, root)))),
    creates: within(roots, '/', (root) => gather(indexes.map(({ creates }) => below(creates, root, paths)))),
  };
}

function readWave(taskIds: readonly string[], taskOf: (id: string) => MissionTask | undefined): WaveWrites {
  const plans = taskIds.flatMap((id) => taskOf(id)?.plan ?? []);
  const pairs = new Map(
    plans.flatMap(({ agent, playbook }) =>
      playbook === null ? [] : [[JSON.stringify([agent, playbook]), [agent, playbook] as const]],
    ),
  );
  return { tasks: taskIds.length, plans: indexOf(plans), playbooks: [...pairs.values()] };
}

function indexOf(writers: readonly PlaybookWrites[]): PathIndex {
  const changes = new Map<string, Set<string>>();
  const creates = new Map<string, Set<string>>();
  for (const writer of writers) {
    for (const text of writer.changes) note(changes, plannedPath(text));
    for (const { path } of pathsNamedBy(writer.acceptance.map(({ command }) => command))) note(creates, path);
  }
  return { changes, creates };
}

function note(index: Map<string, Set<string>>, path: string | null): void {
  if (path === null) return;
  for (const directory of [...directoriesAbove(path), path]) {
    const known = index.get(directory);
    if (known === undefined) index.set(directory, new Set([path]));
    else known.add(path);
  }
}

/** From the workspace on down, without the path itself: '', a, a/b for a/b/c. */
function directoriesAbove(path: string): readonly string[] {
  const parts = path === '' ? [] : path.split('/');
  return parts.map((_, at) => parts.slice(0, at).join('/'));
}

/** The directory in which a pattern begins; a path that is none as it is. */
function withoutPattern(path: string): string {
  const parts = path.split('/');
  const at = parts.findIndex((part) => /[*?[]/.test(part));
  return at === -1 ? path : parts.slice(0, at).join('/');
}

/** null: there are too many of them. */
type Paths = readonly string[] | null;

/** Without what the task's own checks name: it may create that anyway. */
function below(index: PathsByDirectory, root: string, own: readonly string[]): Paths {
  const found = index.get(root) ?? new Set();
  return found.size > MOST_PATHS ? null : [...found].filter((path) => path !== root && !own.includes(path));
}

/** The paths at, below and above the root. */
function overlapping(index: PathsByDirectory, root: string): Paths {
  const found = index.get(root) ?? new Set();
  if (found.size > MOST_PATHS) return null;
  return [...directoriesAbove(root).filter((directory) => index.get(directory)?.has(directory)), ...found];
}

const gather = (parts: readonly Paths[]): Paths => (parts.includes(null) ? null : parts.flatMap((part) => part ?? []));

/** The paths of each root, or the root itself with the suffix where they are too many for a record. */
function within(roots: readonly string[], suffix: string, pathsOf: (root: string) => Paths): string[] {
  let left = LIST_BYTES;
  const found = new Set<string>();
  for (const root of roots) {
    const paths = pathsOf(root)?.filter((path) => !found.has(path)) ?? null;
    const size = paths === null ? Infinity : paths.reduce((sum, path) => sum + byteLength(path) + RECORD_BYTES, 0);
    const fits = paths !== null && size <= left;
    left -= fits ? size : 0;
    for (const path of fits ? paths : [`${root}${suffix}`]) found.add(path);
  }
  return [...found].sort();
}

const LIST_BYTES = SIZES.beside / 2;
/** What an array's entry has in a record besides its text, at most. */
const RECORD_BYTES = 5;
/** More would not fit, whatever their length; they are not even looked at, for the cost of an assignment is limited. */
const MOST_PATHS = LIST_BYTES / (RECORD_BYTES + 1);

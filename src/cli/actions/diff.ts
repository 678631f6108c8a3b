import { resolve } from 'node:path';
import { diffMission, missionInDirectory, type SnapshotOwner, type WorkspaceDiff } from '../../client/snapshots.js';
import type { FileChange } from '../../client/snapshot-diff.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { oneLine, safeLine } from '../text-width.js';

export interface DiffOptions {
  /** As a person names it. */
  readonly mission: string;
  /** null: what the whole mission has changed. */
  readonly wave: number | null;
  readonly patch: boolean;
  /** The directory that the mission worked in, where no log is to be read; null: the log says it. */
  readonly workspace: string | null;
}

/** What a mission, or one of its waves, has changed in its workspace. */
export function diffWorkspace(context: CommandContext, options: DiffOptions): Promise<ExitCode> {
  const { mission: wanted, workspace } = options;
  if (workspace !== null)
    return missionInDirectory(resolve(context.host.cwd, workspace), wanted).then((mission) =>
      printDiff(context, options, mission),
    );
  return withClient(context, async ({ missions }) => {
    const { mission } = await missions.openMission(wanted);
    return printDiff(context, options, mission);
  });
}

async function printDiff(
  context: CommandContext,
  { wave, patch }: DiffOptions,
  mission: SnapshotOwner,
): Promise<ExitCode> {
  const { host } = context;
  const { redact } = context.swarm;
  const options = { wave, redact, signal: host.interruption };
  const { patch: patches, ...diff } = await diffMission(mission, context.config.values.WORKSPACE_ROOT, options);
  if (context.json) {
    context.print({ mission_id: mission.id, ...diff });
    return EXIT.done;
  }
  host.stderr.write(`changes ${rangeText(diff)}\n`);
  if (patch)
    for await (const text of patches(host.interruption)) {
      // As it is where a program reads it; on a terminal no text of a file steers it.
      host.stdout.write(host.stdout.isTerminal ? `${text.trimEnd().split('\n').map(safeLine).join('\n')}\n` : text);
      await host.stdout.drained();
    }
  else for (const change of diff.changes) host.stdout.write(`${changeText(change)}\n`);
  if (diff.to === null) host.stderr.write(NO_LATER_SNAPSHOT);
  for (const line of leftOutLines(diff)) host.stderr.write(`${line}\n`);
  return EXIT.done;
}

const NO_LATER_SNAPSHOT =
  'there is no snapshot of all that the mission has done: others may have changed what is there now, too\n';

function rangeText({ from, to, changes }: WorkspaceDiff): string {
  const name = (wave: number | null) =>
    wave === null ? 'what is there now' : wave === 0 ? 'before the mission' : `after wave ${wave}`;
  return `from ${name(from)} to ${name(to)}: ${changes.length}`;
}

const LETTERS: Readonly<Record<string, string>> = { created: 'A', removed: 'D', content: 'M', mode: 'M' };

/** Such as "M src/a.ts", with what else is to be said in brackets. */
export function changeText({ path, what }: FileChange): string {
  const letter = LETTERS[what] ?? 'T';
  const more = what === 'mode' || letter === 'T' ? ` (${what})` : '';
  return `${letter} ${oneLine(path)}${more}`;
}

/** More of them are counted. */
const MOST_LINES = 20;

export function leftOutLines({ left_out, unsettled = [] }: LeftOutFacts): readonly string[] {
  const all = [
    ...left_out.map(({ path, why }) => `not in the snapshot: ${oneLine(path)} (${why})`),
    ...unsettled.map((path) => `changed while it was read: ${oneLine(path)}`),
  ];
  const rest = all.length - MOST_LINES;
  return rest > 0 ? [...all.slice(0, MOST_LINES), `and ${rest} more; --json has all`] : all;
}

interface LeftOutFacts extends Pick<WorkspaceDiff, 'left_out'> {
  readonly unsettled?: readonly string[];
}

import { resolve } from 'node:path';
import { readOpenMissions } from '../../client/mission-reader.js';
import {
  missionInDirectory,
  planMissionRestore,
  planRestoreOf,
  type PlannedRestore,
  type RestoreResult,
} from '../../client/snapshots.js';
import { wrongUse } from '../cli-error.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { oneLine } from '../text-width.js';
import { changeText, leftOutLines } from './diff.js';

export interface RestoreOptions {
  /** As a person names it. */
  readonly mission: string;
  /** 0: as it was before the mission. */
  readonly wave: number;
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** The directory that the mission worked in, where no log is to be read; null: the log says it. */
  readonly workspace: string | null;
}

/** Makes a mission's workspace what it was after a wave. Exit 1 where some of it could not be restored. */
export function restoreWorkspace(context: CommandContext, options: RestoreOptions): Promise<ExitCode> {
  const { host } = context;
  const root = context.config.values.WORKSPACE_ROOT;
  if (options.workspace !== null) return restoreIn(context, options, resolve(host.cwd, options.workspace));
  return withClient(context, async ({ missions }) => {
    const { mission } = await missions.openMission(options.mission);
    const open = () => readOpenMissions(missions);
    const plan = await planMissionRestore(mission, open, root, options.wave, host.interruption);
    return carryOutPlan(context, options, mission.id, plan);
  });
}

/** Without a log nothing says whether a mission is open there. */
async function restoreIn(context: CommandContext, options: RestoreOptions, directory: string): Promise<ExitCode> {
  const { host, config } = context;
  const mission = await missionInDirectory(directory, options.mission);
  host.stderr.write(`no log is read: make sure that no mission works in ${directory}\n`);
  const plan = await planRestoreOf(mission, config.values.WORKSPACE_ROOT, options.wave, host.interruption);
  return carryOutPlan(context, options, mission.id, plan);
}

async function carryOutPlan(
  context: CommandContext,
  options: RestoreOptions,
  missionId: string,
  { carryOut, ...planned }: PlannedRestore,
): Promise<ExitCode> {
  const { host } = context;
  if (!context.json) show(context, planned);
  if (options.dryRun || planned.changes.length === 0) {
    if (context.json) context.print({ mission_id: missionId, ...planned });
    return EXIT.done;
  }
  await confirm(context, options, planned.changes.length);
  const done = await carryOut(host.interruption);
  if (context.json) context.print({ mission_id: missionId, ...done });
  for (const { path, why } of done.failed) host.stderr.write(`not restored: ${oneLine(path)}: ${why}\n`);
  const notRestored = new Set(done.failed.map(({ path }) => path));
  const restored = done.changes.filter(({ path }) => !notRestored.has(path));
  if (!context.json) context.say(`restored: ${restored.length} of ${done.changes.length}`);
  const { opened_meanwhile: opened, opened_unknown: unknown } = done;
  if (opened !== null)
    host.stderr.write(`mission ${opened} began meanwhile: it may have seen files from before and after\n`);
  if (unknown !== null) host.stderr.write(`it is not known whether a mission began meanwhile: ${oneLine(unknown)}\n`);
  return done.failed.length === 0 && opened === null && unknown === null ? EXIT.done : EXIT.missionFailed;
}

/** What happens to the workspace: A is written, D removed, M written over. */
function show({ host, say }: CommandContext, { wave, changes, left_out, failed }: RestoreResult): void {
  const to = wave === 0 ? 'before the mission' : `after wave ${wave}`;
  const what = left_out.length === 0 ? 'the workspace' : 'all that the snapshot holds';
  if (changes.length === 0) say(`${what} is as it was ${to}`);
  else say(`To be as it was ${to}:`);
  for (const change of changes) say(`  ${changeText(change)}`);
  for (const { path, why } of failed) host.stderr.write(`cannot be restored: ${oneLine(path)}: ${why}\n`);
  for (const line of leftOutLines({ left_out })) host.stderr.write(`${line}; it stays as it is\n`);
}

/** Throws CliError (exit 2) when the person does not confirm. */
async function confirm({ host, json }: CommandContext, { yes }: RestoreOptions, changes: number): Promise<void> {
  if (yes) return;
  if (host.ask === null || json)
    throw wrongUse('restore asks before it changes files, and there is no terminal to ask at', 'Add --yes.');
  const reply = await host.ask(`Change ${changes} paths? What is there now is lost. [y/N] `);
  if (!/^y(es)?$/i.test(reply.trim())) throw wrongUse('nothing was restored', null);
}

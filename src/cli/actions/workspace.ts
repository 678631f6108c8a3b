import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isFileSystemError, unreadableReason } from '../../agent/text-file.js';
import { pruneSnapshots, pruneWorkspaces, type MissionState, type Pruned } from '../../client/prune-workspaces.js';
import { workspaceOf } from '../../domain/continuation.js';
import { withClient } from '../client-session.js';
import { CliError, wrongUse } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { roughDuration } from '../durations.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { describeFailure } from '../failure.js';
import { table } from '../table.js';

export interface PruneFlags {
  /** null: of ended missions, however new. */
  readonly olderThanMs: number | null;
  readonly dryRun: boolean;
  /** A directory from --workspace, whose snapshots are meant; null: the workspaces below WORKSPACE_ROOT. */
  readonly workspace: string | null;
}

/** Removes workspaces and prints what that frees. Without a log only an age says which are not needed. */
export async function pruneWorkspace(context: CommandContext, flags: PruneFlags): Promise<ExitCode> {
  const nowMs = context.host.clock.now();
  const stateOf = await missionStates(context, flags);
  const options = { ...flags, nowMs, stateOf };
  const pruned =
    flags.workspace === null
      ? await pruneWorkspaces({ ...options, workspaceRoot: context.config.values.WORKSPACE_ROOT })
      : await pruneSnapshots(await existingDirectory(context, flags.workspace), options);
  if (context.json) context.print(asJson(pruned, flags));
  else context.host.stdout.write(asText(pruned, flags, nowMs));
  return EXIT.done;
}

async function existingDirectory({ host }: CommandContext, given: string): Promise<string> {
  const directory = resolve(host.cwd, given);
  const found = await realpath(directory).catch((error: unknown) => {
    if (!isFileSystemError(error)) throw error;
    throw wrongUse(`${directory} cannot be used: ${unreadableReason(error)}`, 'Name a directory that missions had.');
  });
  return found;
}

/** What the log says of each mission. Where there is no log, none is known, which needs an age. */
async function missionStates(
  context: CommandContext,
  { olderThanMs }: PruneFlags,
): Promise<(missionId: string) => MissionState> {
  try {
    return await withClient(context, async (session) => {
      const feed = await session.missions.whole();
      const ended = new Map<string, boolean>();
      // A workspace is needed for as long as one of its missions is open.
      for (const report of feed.reports())
        for (const id of new Set([report.mission_id, workspaceOf(report)]))
          ended.set(id, report.ended_at !== null && ended.get(id) !== false);
      return (missionId) => {
        const hasEnded = ended.get(missionId);
        return hasEnded === undefined ? 'unknown' : hasEnded ? 'ended' : 'open';
      };
    });
  } catch (error) {
    const failure = describeFailure(error);
    const isWithoutLog = failure.exitCode === EXIT.unreachable || context.config.values.RAVENHELM_LOG === 'memory';
    if (!isWithoutLog) throw error;
    if (olderThanMs === null)
      throw new CliError(
        'no_log',
        EXIT.unreachable,
        `without a log it is not known which missions have ended: ${failure.message}`,
        'Give an age: npx ravenhelm workspace prune --older-than 7d',
        { cause: error },
      );
    context.host.stderr.write(`without a log (${failure.message}); an open mission is known by its age only\n`);
    return () => 'unknown';
  }
}

function asJson({ workspaces, kept }: Pruned, { dryRun }: PruneFlags): object {
  return {
    dry_run: dryRun,
    bytes: total(workspaces),
    workspaces: workspaces.map(({ missionId, bytes, lastUsedMs }) => ({
      mission_id: missionId,
      bytes,
      last_used_at: new Date(lastUsedMs).toISOString(),
    })),
    kept,
  };
}

function asText({ workspaces, kept }: Pruned, { dryRun, workspace }: PruneFlags, nowMs: number): string {
  const rows = workspaces.map(({ missionId, bytes, lastUsedMs }) => [
    missionId,
    shownBytes(bytes),
    `${roughDuration(nowMs - lastUsedMs)} ago`,
  ]);
  const list = rows.length === 0 ? '' : table([['MISSION', 'SIZE', 'LAST USED'], ...rows]);
  const count = (noun: string) => `${workspaces.length} ${noun}${workspaces.length === 1 ? '' : 's'}`;
  const number = workspace === null ? count('workspace') : `snapshots of ${count('mission')}`;
  return `${list}${dryRun ? 'would free' : 'freed'} ${shownBytes(total(workspaces))} (${number}); ${keptText(kept)}\n`;
}

const KEPT_WORDS: Readonly<Record<keyof Pruned['kept'], string>> = {
  open: 'of open missions',
  in_use: 'in use',
  newer: 'used since then',
  unknown: 'of missions that the log does not have (--older-than removes them)',
};

function keptText(kept: Pruned['kept']): string {
  const parts = (['open', 'in_use', 'newer', 'unknown'] as const)
    .filter((reason) => kept[reason] > 0)
    .map((reason) => `${kept[reason]} ${KEPT_WORDS[reason]}`);
  return `kept: ${parts.join(', ') || 'none'}`;
}

const total = (workspaces: Pruned['workspaces']): number => workspaces.reduce((sum, { bytes }) => sum + bytes, 0);

function shownBytes(bytes: number): string {
  const mib = bytes / (1024 * 1024);
  return mib < 10 ? `${mib.toFixed(1)} MiB` : `${Math.round(mib).toLocaleString('en-US')} MiB`;
}

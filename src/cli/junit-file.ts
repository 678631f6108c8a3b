/** The file of --junit: checked before a mission starts, written at its end, whatever happened to it. */
import { randomUUID } from 'node:crypto';
import { access, constants, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Roster } from '../agent/roster.js';
import { isFileSystemError, unreadableReason } from '../agent/text-file.js';
import type { MissionFeed } from '../client/mission-feed.js';
import { withWorkspace } from '../client/submit.js';
import { wrongUse, type CliError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { declaredChecks, junitText } from './junit-text.js';

export interface JunitFile {
  /** Writes what the feed knows of the mission: the whole file, or none of it. Throws CliError (exit 2). */
  write(feed: MissionFeed, missionId: string): Promise<void>;
}

/**
 * Throws CliError (exit 2) where no file could be written.
 * @param file a relative path is looked up in the working directory; null, undefined: no file is asked for
 */
export async function openJunit(
  context: CommandContext,
  file: string | null | undefined,
  { agents }: Pick<Roster, 'agents'>,
): Promise<JunitFile | null> {
  if (file === null || file === undefined) return null;
  const path = resolve(context.host.cwd, file);
  await requireWritable(path);
  return {
    async write(feed, missionId) {
      const [mission, report] = [feed.view.mission(missionId), feed.view.report(missionId)];
      if (mission === null || report === null) return;
      const text = junitText(withWorkspace(context.config.values.WORKSPACE_ROOT, report), {
        declared: declaredChecks(mission, agents),
        hostname: context.host.hostname,
        redact: context.swarm.redact,
        nowMs: context.host.clock.now(),
      });
      await replaceFile(path, text).catch((error: unknown) => {
        throw notWritable(path, error);
      });
    },
  };
}

/** Runs the body, which follows a mission, and writes the file when it has ended, also by an error. */
export async function withJunit<T>(
  junit: JunitFile | null,
  { feed, missionId }: { readonly feed: MissionFeed; readonly missionId: string },
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } finally {
    await junit?.write(feed, missionId);
  }
}

async function requireWritable(path: string): Promise<void> {
  const there = await stat(path).catch((error: unknown) => {
    if (isFileSystemError(error) && error.code === 'ENOENT') return null;
    throw notWritable(path, error);
  });
  if (there !== null && !there.isFile())
    throw wrongUse(`--junit ${path} is no regular file`, 'Name a file, such as reports/ravenhelm.xml.');
  await access(dirname(path), constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw notWritable(path, error);
  });
}

function notWritable(path: string, error: unknown): CliError {
  if (!isFileSystemError(error)) throw error;
  const directory = dirname(path);
  return error.code === 'ENOENT' || error.code === 'ENOTDIR'
    ? wrongUse(
        `--junit ${path} cannot be written: there is no directory ${directory}`,
        `Make it: mkdir -p ${directory}`,
      )
    : wrongUse(
        `--junit ${path} cannot be written: ${unreadableReason(error)}`,
        'Name a file in a directory that you may write to and that has space.',
      );
}

/** A reader sees the old file or the new one, never a part. */
async function replaceFile(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, parse, relative, resolve } from 'node:path';
import { ConfigError } from '../agent/config-error.js';
import type { GivenInput } from '../agent/input-values.js';
import { openMissionFile, type MissionFile, type OpenedMission } from '../agent/mission-file.js';
import type { Roster } from '../agent/roster.js';
import { decodeText, isFileSystemError, NO_TEXT, unreadableEntryReason } from '../agent/text-file.js';
import { rosterOf } from '../client/roster.js';
import { wrongUse } from './cli-error.js';
import type { CommandContext } from './context.js';
import { nearest } from '../domain/did-you-mean.js';
import type { InputFlags } from './input-arguments.js';
import { givenInputs, howToGive } from './mission-inputs.js';
import { settingPlace } from './setting-place.js';

/** The mission that is run when none is named. */
const DEFAULT_MISSION = 'missions/ravenhelm-platform.yaml';

/** The person's own file first, then the package's, which needs the package's agents. Throws CliError. */
export function defaultMission({ host, config }: CommandContext): string {
  const own = join(host.projectDir, DEFAULT_MISSION);
  if (existsSync(own)) return own;
  if (resolve(config.values.RAVENHELM_AGENTS_DIR) === join(host.packageDir, 'agents'))
    return join(host.packageDir, DEFAULT_MISSION);
  const [there] = missionFilesNear(own, host.projectDir);
  throw wrongUse(
    `no mission is named, and there is no ${own}, which is run then`,
    `Name one: npx ravenhelm run ${there === undefined ? 'MISSION.yaml' : relative(host.cwd, there)}`,
  );
}

/** Every agent of the configured directory. Throws ConfigError. */
export function readRoster(context: CommandContext): Promise<Roster> {
  const { config } = context;
  return rosterOf(config.values.RAVENHELM_AGENTS_DIR, settingPlace(config, 'RAVENHELM_AGENTS_DIR'));
}

/** Reads a mission's file with its inputs. Throws CliError and ConfigError. */
export async function readMission(
  context: CommandContext,
  file: string,
  roster: Roster,
  given: InputFlags,
): Promise<MissionFile> {
  return withInputs(context, await openMission(context, file, roster), given);
}

/**
 * Opens a mission's file; a relative name is looked up in the working directory, then among the package's missions.
 * Throws CliError and ConfigError.
 */
export async function openMission(context: CommandContext, file: string, roster: Roster): Promise<OpenedMission> {
  const path = missionPath(context.host, file);
  const isOwn = path === resolve(context.host.cwd, file);
  const shown = !isOwn || relative(context.host.cwd, path).startsWith('..') ? path : file;
  return openMissionFile(await readText(path, context), shown, roster);
}

/** missions/hello.yaml is that of the package where the person has none. */
function missionPath({ cwd, packageDir }: CommandContext['host'], file: string): string {
  const own = resolve(cwd, file);
  const packaged = resolve(packageDir, file);
  const isMission = !relative(join(packageDir, 'missions'), packaged).startsWith('..');
  return isMission && !isAbsolute(file) && !isThere(own) && existsSync(packaged) ? packaged : own;
}

/** A link counts, whatever it points to. */
const isThere = (path: string): boolean => existsSync(path) || isLink(path);

/**
 * The mission with what flags give, what the person answers, and what an earlier mission had. Throws CliError and
 * ConfigError.
 */
export async function withInputs(
  context: CommandContext,
  mission: OpenedMission,
  given: InputFlags,
  carried: readonly GivenInput[] = [],
): Promise<MissionFile> {
  const inputs = await givenInputs(context, mission, given, carried);
  return mission.withInputs(inputs, { redact: context.swarm.redact, howToGive });
}

async function readText(path: string, context: CommandContext): Promise<string> {
  try {
    const text = decodeText(await readFile(path));
    if (text === null)
      throw new ConfigError([
        {
          file: path,
          line: null,
          column: null,
          message: NO_TEXT,
          fix: 'name a mission file, such as missions/hello.yaml',
        },
      ]);
    return text;
  } catch (error) {
    if (!isFileSystemError(error)) throw error;
    const there = missionFilesNear(path, context.host.projectDir);
    const isMissing = (error.code === 'ENOENT' && !isLink(path)) || error.code === 'ENOTDIR';
    if (error.code === 'EISDIR')
      throw wrongUse(`${path} is a directory`, 'Name a mission file, such as missions/hello.yaml.');
    if (!isMissing)
      throw wrongUse(
        `${path} cannot be read: ${unreadableEntryReason(error)}`,
        'Correct it, or name another mission file.',
      );
    const meant = nearestFile(path, there);
    throw wrongUse(
      `there is no mission file ${path}`,
      meant !== null ? `Did you mean ${meant}?` : there.length === 0 ? null : `There are: ${there.join(', ')}`,
    );
  }
}

/** A link that is there, whatever it points to. */
function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** The file with the name that is nearest, wherever it is: a common path or a common ending makes no names alike. */
function nearestFile(path: string, candidates: readonly string[]): string | null {
  const nameOf = (file: string) => parse(file).name;
  const name = nearest(nameOf(path), candidates.map(nameOf));
  return candidates.find((candidate) => nameOf(candidate) === name) ?? null;
}

/** Whether a file has the two keys that every mission has. Only for a suggestion: what cannot be read is none. */
function looksLikeMission(path: string): boolean {
  try {
    const text = readFileSync(path, 'utf8');
    return /^name:/m.test(text) && /^brief:/m.test(text);
  } catch {
    return false;
  }
}

function missionFilesNear(path: string, projectDir: string): readonly string[] {
  return [...new Set([resolve(path, '..'), resolve(projectDir, 'missions')])].flatMap((directory) => {
    try {
      return readdirSync(directory)
        .filter((name) => /^[^.].*\.ya?ml$/.test(name))
        .map((name) => resolve(directory, name))
        .filter(looksLikeMission);
    } catch {
      return []; // only for a suggestion: a directory that cannot be listed suggests nothing
    }
  });
}

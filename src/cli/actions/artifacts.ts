import { resolve } from 'node:path';
import { artifactsOf, copyArtifacts, type CopiedArtifact, type MissionArtifacts } from '../../client/artifacts.js';
import type { CopyOutcome } from '../../client/artifact-outcome.js';
import { wrongUse } from '../cli-error.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { table } from '../table.js';
import { oneLine } from '../text-width.js';

export interface ArtifactsOptions {
  /** As a person names it. */
  readonly mission: string;
  /** Where copies are written; null: they are only listed. */
  readonly to: string | null;
  readonly force: boolean;
}

/** Lists the files that a mission's tasks have left, or copies them. */
export function showArtifacts(
  context: CommandContext,
  { mission: wanted, to, force }: ArtifactsOptions,
): Promise<ExitCode> {
  if (to === null && force) throw wrongUse('--force replaces files where copies are written', 'Name it: --to DIR.');
  const { host, config } = context;
  const { WORKSPACE_ROOT: workspaceRoot, RAVENHELM_HTTP_TOKEN: token } = config.values;
  return withClient(context, async (session) => {
    const { mission } = await session.missions.openMission(wanted);
    const listed = artifactsOf(mission);
    if (to === null) return list(context, mission.id, listed);
    const options = { to: resolve(host.cwd, to), force, workspaceRoot, token };
    const copied: CopiedArtifact[] = [];
    for await (const each of copyArtifacts(context.client, session, mission, options)) {
      copied.push(each);
      if (!context.json) show(context, each);
    }
    if (context.json) context.print({ mission_id: mission.id, ...listed, artifacts: copied });
    else sayRest(context, mission.id, listed);
    return exitCodeOf(copied);
  });
}

function list(context: CommandContext, missionId: string, listed: MissionArtifacts): ExitCode {
  if (context.json) {
    context.print({ mission_id: missionId, ...listed });
    return EXIT.done;
  }
  const rows = listed.artifacts.map(({ task_id, path, bytes, sha256 }) => [task_id, path, String(bytes), sha256]);
  context.host.stdout.write(table(rows));
  sayRest(context, missionId, listed);
  return EXIT.done;
}

function sayRest({ host }: CommandContext, missionId: string, { artifacts, warnings }: MissionArtifacts): void {
  for (const warning of warnings) host.stderr.write(`warning: ${oneLine(warning)}\n`);
  if (artifacts.length === 0) host.stderr.write(`no task of ${missionId} has left artifacts\n`);
}

function show({ host }: CommandContext, { outcome, to, path, task_id, why }: CopiedArtifact): void {
  if (outcome === 'copied') host.stdout.write(`${oneLine(to)}\n`);
  else if (outcome === 'same') host.stdout.write(`${oneLine(to)} (was there)\n`);
  else host.stderr.write(`${oneLine(`${WORDS[outcome]}: ${task_id}/${path}: ${why ?? ''}`)}\n`);
}

const WORDS: Readonly<Record<Exclude<CopyOutcome, 'copied' | 'same'>, string>> = {
  other: 'not copied',
  changed: 'changed',
  refused: 'not copied',
  unreachable: 'not here',
};

/** What a person must do says more than what has changed, and that more than what may pass. */
function exitCodeOf(copied: readonly CopiedArtifact[]): ExitCode {
  const has = (...wanted: readonly CopyOutcome[]) => copied.some(({ outcome }) => wanted.includes(outcome));
  if (has('other', 'refused')) return EXIT.usage;
  if (has('changed')) return EXIT.missionFailed;
  return has('unreachable') ? EXIT.unreachable : EXIT.done;
}

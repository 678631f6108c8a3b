import type { MissionFile } from '../../agent/mission-file.js';
import { watchAdmissions } from '../../client/admission.js';
import { carriedInputs, inputsWithoutEdit, retryMission as retry, type RetriedMission } from '../../client/retry.js';
import { orAborted } from '../../domain/deferred.js';
import { warnOfChecks, warnOfVariables } from '../check-warnings.js';
import { wrongUse } from '../cli-error.js';
import { clientCommand } from '../client-command.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { openJunit } from '../junit-file.js';
import { hasInputs, setInputs, type InputFlags } from '../input-arguments.js';
import { openMission, readRoster, withInputs } from '../mission-source.js';
import { asOperator } from '../operators-setting.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';
import { checkWorkspace } from '../workspace-check.js';
import { followSubmitted } from './submit.js';

export interface RetryFlags {
  /** As a person names it. */
  readonly mission: string;
  readonly tasks: readonly string[];
  /** The changed mission file; null: none. */
  readonly edit: string | null;
  /** Inputs of the changed file, as flags give them. */
  readonly given: InputFlags;
  readonly wait: boolean;
  /** As for submit. */
  readonly junit: string | null;
}

/** Hands a mission that continues another one to the swarm. With wait: exit 0 when it completed, 1 when not. */
export async function retryMission(given: CommandContext, flags: RetryFlags): Promise<ExitCode> {
  const context = await asOperator(given);
  if (flags.junit !== null && !flags.wait)
    throw wrongUse('--junit needs --wait: the file is written when the mission has ended', 'Add --wait.');
  const roster = await readRoster(context);
  setInputs(flags.given);
  if (flags.edit === null && hasInputs(flags.given)) throw inputsWithoutEdit(flags.mission);
  const changed = flags.edit === null ? null : await openMission(context, flags.edit, roster);
  const junit = await openJunit(context, flags.junit, roster);
  return withClient(context, async (session) => {
    const opened = await session.missions.openMission(flags.mission);
    const carried = carriedInputs(opened.mission);
    const edited = changed === null ? null : await withInputs(context, changed, flags.given, carried);
    if (edited !== null && flags.edit !== null) warnOfChecks(context, edited, flags.edit, roster);
    // Whether another mission has continued it is known at the end of the log.
    await orAborted(opened.feed.caughtUp, context.client.signal);
    // The mission's tasks run in other processes.
    await checkWorkspace(context, opened.mission.request.workspace, false);
    const feed = flags.wait ? await session.missions.fromNow() : null;
    const admissions = feed === null ? await watchAdmissions(context.client, session) : null;
    const { retried, mission } = await retry(context.client, session.log, opened, {
      tasks: flags.tasks,
      edited,
      workspaceRoot: context.config.values.WORKSPACE_ROOT,
      roster: () => Promise.resolve(roster),
      onUnknown: (missionId) =>
        context.host.stderr.write(
          `it is not known whether mission ${missionId} was submitted; ` +
            `${clientCommand(context, `status ${missionId}`)} shows it\n`,
        ),
    });
    // The plan that it keeps may read inputs that the changed file does not have.
    if (edited?.plan === null && flags.edit !== null) warnOfVariables(context, mission, flags.edit, roster);
    if (feed !== null) {
      context.say(plannedText(retried, mission));
      return followSubmitted(context, session, { ...retried, mission, feed, junit });
    }
    print(context, retried, mission);
    const isServed = await sayIfNoOrchestrator(context, session, mission);
    if (isServed) await admissions?.decided(retried.missionId);
    return EXIT.done;
  });
}

function print(context: CommandContext, retried: RetriedMission, mission: MissionFile): void {
  const { missionId, workspace, continues, carried, runs, changedInputs } = retried;
  if (context.json)
    return context.print({
      mission_id: missionId,
      workspace,
      continues,
      carried,
      runs,
      changed_inputs: changedInputs,
    });
  context.host.stdout.write(`${missionId}\n`);
  context.host.stderr.write(
    `${plannedText(retried, mission)}\nto see how it goes: ${clientCommand(context, `watch ${missionId}`)}\n`,
  );
}

/** Such as "continues …: 3 verified tasks are checked first, 1 runs: deploy-web_agent-wave2". */
export function plannedText(
  { continues, carried, runs, changedInputs }: Omit<RetriedMission, 'missionId' | 'workspace'>,
  { plan }: Pick<MissionFile, 'plan'>,
): string {
  if (plan === null) return `continues ${continues}: a planner makes the plan`;
  const checked = `${carried.length} verified task${carried.length === 1 ? ' is' : 's are'} checked first`;
  const others =
    runs.length === 0 ? 'none runs' : `${runs.length} run${runs.length === 1 ? 's' : ''}: ${runs.join(', ')}`;
  const why =
    changedInputs.length === 0 ? '' : `; nothing is carried, as inputs have changed: ${changedInputs.join(', ')}`;
  return `continues ${continues}: ${checked}, ${others}${why}`;
}

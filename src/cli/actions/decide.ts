import { join } from 'node:path';
import {
  answer,
  approve as approvePlan,
  awaitsAnswer,
  cancel,
  decideFor,
  reject as rejectPlan,
  requireProposal,
  requireText,
  type Decide,
} from '../../client/decisions.js';
import { changeBudget, pause, resume, steer } from '../../client/steering.js';
import { parseMissionId } from '../../domain/mission-id.js';
import type { Mission } from '../../domain/mission-state.js';
import { requireTarget } from '../../client/decision-target.js';
import type { OpenMission } from '../../client/mission-reader.js';
import type { CallAnswer } from '../../client/approvals.js';
import { answerWaiting } from './approvals.js';
import { wrongUse } from '../cli-error.js';
import { clientCommand } from '../client-command.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { asOperator } from '../operators-setting.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';

/**
 * @param wanted a mission as a person names it, or the id of a call that waits
 * @param revision of the plan that the person has seen; null: any
 */
export function approve(context: CommandContext, wanted: string, revision: number | null = null): Promise<ExitCode> {
  const plan = { done: 'approved', decision: approvePlan(revision), revision };
  return decideEither(context, wanted, { approved: true, reason: '' }, plan);
}

/** The same parameters as of `approve`. */
export function reject(
  context: CommandContext,
  wanted: string,
  reason: string,
  revision: number | null = null,
): Promise<ExitCode> {
  const plan = { done: 'rejected', decision: rejectPlan(reason, revision), revision };
  return decideEither(context, wanted, { approved: false, reason }, plan);
}

export async function answerMission(context: CommandContext, wanted: string, text: string): Promise<ExitCode> {
  requireText(text);
  return decideMission(context, wanted, { done: 'answered', decision: answer(text) });
}

export function cancelMission(context: CommandContext, wanted: string, reason: string): Promise<ExitCode> {
  return decideMission(context, wanted, { done: 'cancel requested', decision: cancel(reason) });
}

export function pauseMission(context: CommandContext, wanted: string, reason: string): Promise<ExitCode> {
  return decideMission(context, wanted, { done: 'paused', decision: pause(reason), append: steer });
}

export function resumeMission(context: CommandContext, wanted: string): Promise<ExitCode> {
  return decideMission(context, wanted, { done: 'resumed', decision: resume, append: steer });
}

/** Throws CliError where nothing is to be changed. */
export async function budgetMission(
  context: CommandContext,
  wanted: string,
  changes: Parameters<typeof changeBudget>[0],
): Promise<ExitCode> {
  if (Object.keys(changes).length === 0)
    throw wrongUse('no limit is named', `Such as: ${clientCommand(context, `budget ${wanted} --usd +1`)}`);
  return decideMission(context, wanted, {
    done: 'budget changed',
    decision: changeBudget(changes),
    append: steer,
  });
}

interface MissionDecision {
  /** What the command says that it has done. */
  readonly done: string;
  readonly decision: Decide;
  /** By default it is done when it is accepted. */
  readonly append?: typeof decideFor;
}

/** Of the plan that waits, such as "revision 2, plan 1f3a9c0b77de"; null: none does. */
function planOf(mission: Mission): string | null {
  if (!awaitsAnswer(mission)) return null;
  const { revision, plan_digest } = requireProposal(mission);
  return `revision ${revision}, plan ${(plan_digest ?? '').slice(0, 12)}`;
}

const NOT_TAKEN_YET = 'no orchestrator has taken it yet; it is in the log, and counts when one does\n';

async function decideEither(
  given: CommandContext,
  wanted: string,
  answerOfCall: CallAnswer,
  ofPlan: MissionDecision & { readonly revision: number | null },
): Promise<ExitCode> {
  if (parseMissionId(wanted) !== null) return decideMission(given, wanted, ofPlan);
  const context = await asOperator(given);
  return withClient(context, async (session) => {
    const nowMs = context.host.clock.now();
    const { feed, found: target } = await session.missions.findNamed(wanted, (read, sinceMs) =>
      requireTarget(read, wanted, { nowMs, sinceMs }),
    );
    if (target.kind === 'mission') return decide(context, session, { feed, mission: target.mission }, ofPlan);
    if (ofPlan.revision !== null)
      throw wrongUse('--revision is for the plan of a mission', 'Leave it out, or give the id of the mission.');
    return answerWaiting(context, session, { feed, call: target.call, answer: answerOfCall });
  });
}

async function decideMission(given: CommandContext, wanted: string, decision: MissionDecision): Promise<ExitCode> {
  const context = await asOperator(given);
  return withClient(context, async (session) =>
    decide(context, session, await session.missions.openMission(wanted), decision),
  );
}

/** Appends what the person decided to the mission's partition, and says so. */
async function decide(
  context: CommandContext,
  session: ClientSession,
  { feed, mission }: OpenMission,
  { done, decision, append = decideFor }: MissionDecision,
): Promise<ExitCode> {
  const { id, request } = mission;
  const plan = done === 'approved' || done === 'rejected' ? planOf(mission) : null;
  const verdict = await append(context.client, session.log, { feed, mission, decision }, () =>
    context.host.stderr.write(
      `it is not known whether the log has it; ${clientCommand(context, `status ${id}`)} shows it. ` +
        'Repeating the command does no harm.\n',
    ),
  );
  if (!context.json) context.say(`${done}: ${id}${plan === null ? '' : ` (${plan})`}`);
  else
    context.print({
      mission_id: id,
      decision: done.replaceAll(' ', '_'),
      name: request.name,
      workspace: request.workspace ?? join(context.config.values.WORKSPACE_ROOT, id),
    });
  if (verdict === 'pending') context.host.stderr.write(NOT_TAKEN_YET);
  await sayIfNoOrchestrator(context, session);
  return EXIT.done;
}

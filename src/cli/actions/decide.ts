import { join } from 'node:path';
import {
  answer,
  approve as approvePlan,
  cancel,
  decideFor,
  reject as rejectPlan,
  requireText,
  type Decide,
} from '../../client/decisions.js';
import { parseMissionId } from '../../domain/mission-id.js';
import { requireTarget } from '../../client/decision-target.js';
import type { OpenMission } from '../../client/mission-reader.js';
import type { CallAnswer } from '../../client/approvals.js';
import { answerWaiting } from './approvals.js';
import { clientCommand } from '../client-command.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { asOperator } from '../operators-setting.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';

/** @param wanted a mission as a person names it, or the id of a call that waits */
export function approve(context: CommandContext, wanted: string): Promise<ExitCode> {
  return decideEither(context, wanted, { approved: true, reason: '' }, { done: 'approved', decision: approvePlan });
}

/** @param wanted a mission as a person names it, or the id of a call that waits */
export function reject(context: CommandContext, wanted: string, reason: string): Promise<ExitCode> {
  const plan = { done: 'rejected', decision: rejectPlan(reason) };
  return decideEither(context, wanted, { approved: false, reason }, plan);
}

export async function answerMission(context: CommandContext, wanted: string, text: string): Promise<ExitCode> {
  requireText(text);
  return decideMission(context, wanted, { done: 'answered', decision: answer(text) });
}

export function cancelMission(context: CommandContext, wanted: string, reason: string): Promise<ExitCode> {
  return decideMission(context, wanted, { done: 'cancel requested', decision: cancel(reason) });
}

interface MissionDecision {
  /** What the command says that it has done. */
  readonly done: string;
  readonly decision: Decide;
}

const NOT_TAKEN_YET = 'no orchestrator has taken it yet; it is in the log, and counts when one does\n';

async function decideEither(
  given: CommandContext,
  wanted: string,
  answerOfCall: CallAnswer,
  ofPlan: MissionDecision,
): Promise<ExitCode> {
  if (parseMissionId(wanted) !== null) return decideMission(given, wanted, ofPlan);
  const context = await asOperator(given);
  return withClient(context, async (session) => {
    const nowMs = context.host.clock.now();
    const { feed, found: target } = await session.missions.findNamed(wanted, (read, sinceMs) =>
      requireTarget(read, wanted, { nowMs, sinceMs }),
    );
    return target.kind === 'call'
      ? answerWaiting(context, session, { feed, call: target.call, answer: answerOfCall })
      : decide(context, session, { feed, mission: target.mission }, ofPlan);
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
  { done, decision }: MissionDecision,
): Promise<ExitCode> {
  const { id, request } = mission;
  const verdict = await decideFor(context.client, session.log, { feed, mission, decision }, () =>
    context.host.stderr.write(
      `it is not known whether the log has it; ${clientCommand(context, `status ${id}`)} shows it. ` +
        'Repeating the command does no harm.\n',
    ),
  );
  if (!context.json) context.say(`${done}: ${id}`);
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

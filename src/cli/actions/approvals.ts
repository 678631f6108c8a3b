import { answerCall, type CallAnswer } from '../../client/approvals.js';
import { requireTarget } from '../../client/decision-target.js';
import type { MissionFeed } from '../../client/mission-feed.js';
import type { Mission } from '../../domain/mission-state.js';
import type { WaitingCallReport } from '../../domain/report.js';
import { callsTable, callText } from '../call-text.js';
import { wrongUse } from '../cli-error.js';
import { clientCommand } from '../client-command.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';
import { waitingPlan, waitingPlanText } from '../waiting-plan.js';

export function listCalls(context: CommandContext): Promise<ExitCode> {
  return withClient(context, async ({ client }) => {
    const calls = await client.approvals.list();
    if (context.json) context.print(calls);
    else if (calls.length === 0) context.say('no call waits for a person');
    else context.host.stdout.write(callsTable(calls, context.host.clock.now()));
    return EXIT.done;
  });
}

/** A call that waits, or the plan of a mission that does. @param wanted an id of a call, or a mission as it is named */
export function showWaiting(context: CommandContext, wanted: string): Promise<ExitCode> {
  return withClient(context, async ({ missions }) => {
    const nowMs = context.host.clock.now();
    const { found } = await missions.findNamed(wanted, (read, sinceMs) =>
      requireTarget(read, wanted, { nowMs, sinceMs }),
    );
    if (found.kind === 'mission') showPlan(context, found.mission);
    else if (context.json) context.print(found.call);
    else context.host.stdout.write(`${callText(found.call)}${howToAnswer(context, found.call.approval_id)}`);
    return EXIT.done;
  });
}

function showPlan(context: CommandContext, mission: Mission): void {
  const waiting = waitingPlan(mission);
  if (waiting === null)
    throw wrongUse(
      `mission ${mission.id} has no plan that waits for an answer`,
      `${clientCommand(context, `status ${mission.id}`)} shows how it is.`,
    );
  if (context.json) context.print(waiting);
  else context.host.stdout.write(waitingPlanText(context, waiting));
}

const howToAnswer = (context: CommandContext, id: string): string =>
  `\n  ${clientCommand(context, `approve ${id}`)}\n  ${clientCommand(context, `reject ${id} --why "…"`)}\n`;

export interface AnswerWaiting {
  readonly feed: MissionFeed;
  readonly call: WaitingCallReport;
  readonly answer: CallAnswer;
}

/** Answers a call that waits, and says whether the swarm has taken the answer. */
export async function answerWaiting(
  context: CommandContext,
  session: ClientSession,
  { feed, call, answer }: AnswerWaiting,
): Promise<ExitCode> {
  const taken = await answerCall(context.client, session.log, feed, call, {
    ...answer,
    onUnknown: () =>
      context.host.stderr.write(
        `it is not known whether the log has it; ${clientCommand(context, 'approvals list')} shows it. ` +
          'Repeating the command does no harm.\n',
      ),
  });
  const done = answer.approved ? 'approved' : 'rejected';
  if (context.json) context.print({ ...call, decision: done, taken: taken === 'decided' });
  else context.say(`${done}: ${call.approval_id}`);
  if (taken === 'pending') {
    context.host.stderr.write('no orchestrator has taken the answer yet; it is in the log, and counts when one does\n');
    await sayIfNoOrchestrator(context, session);
  }
  return EXIT.done;
}

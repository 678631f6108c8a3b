import {
  answer,
  appendDecision,
  approve as approvePlan,
  cancel,
  reject as rejectPlan,
  requireText,
  type Decide,
} from '../../client/decisions.js';
import { requireMission } from '../../client/require-mission.js';
import { withWorkspace } from '../../client/submit.js';
import { parseMissionId } from '../../domain/mission-id.js';
import { decideCall } from './approvals.js';
import { wrongUse } from '../cli-error.js';
import type { KeyFlags } from '../operators-setting.js';
import { clientCommand } from '../client-command.js';
import { caughtUp, withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';

/** @param id of a mission, or of a call that waits */
export function approve(context: CommandContext, id: string, flags: KeyFlags): Promise<ExitCode> {
  if (!isMission(id)) return decideCall(context, id, { approved: true, reason: '' }, flags);
  requireUnsigned(flags);
  return decide(context, id, 'approved', approvePlan);
}

/** @param id of a mission, or of a call that waits */
export function reject(context: CommandContext, id: string, reason: string, flags: KeyFlags): Promise<ExitCode> {
  if (!isMission(id)) return decideCall(context, id, { approved: false, reason }, flags);
  requireUnsigned(flags);
  return decide(context, id, 'rejected', rejectPlan(reason));
}

function requireUnsigned({ key, as }: KeyFlags): void {
  if (key === null && as === null) return;
  throw wrongUse('only answers about calls are signed, and this is a mission', 'Leave --key and --as out.');
}

const isMission = (id: string): boolean => parseMissionId(id) !== null;

export async function answerMission(context: CommandContext, missionId: string, text: string): Promise<ExitCode> {
  requireText(text);
  return decide(context, missionId, 'answered', answer(text));
}

export function cancelMission(context: CommandContext, missionId: string, reason: string): Promise<ExitCode> {
  return decide(context, missionId, 'cancel requested', cancel(reason));
}

/** Reads the mission, appends what the person decided to its partition, and says so. */
async function decide(context: CommandContext, missionId: string, done: string, decision: Decide): Promise<ExitCode> {
  return withClient(context, async (session) => {
    const feed = await session.openFeed();
    await caughtUp(context, feed);
    const event = decision(context.client, requireMission(feed, missionId));
    await appendDecision(context.client, session.log, event, () =>
      context.host.stderr.write(
        `it is not known whether the log has it; ${clientCommand(context, `status ${missionId}`)} shows it. ` +
          'Repeating the command does no harm.\n',
      ),
    );
    if (!context.json) context.say(`${done}: ${missionId}`);
    else {
      const report = feed.view.report(missionId);
      context.print({
        mission_id: missionId,
        decision: done.replaceAll(' ', '_'),
        name: report?.name ?? '',
        workspace: report === null ? null : withWorkspace(context.config.values.WORKSPACE_ROOT, report).workspace,
      });
    }
    await sayIfNoOrchestrator(context, session);
    return EXIT.done;
  });
}

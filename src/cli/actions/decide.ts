import {
  answer,
  approve as approvePlan,
  cancel,
  decideFor,
  reject as rejectPlan,
  requireText,
  type Decide,
} from '../../client/decisions.js';
import { requireMission } from '../../client/require-mission.js';
import { withWorkspace } from '../../client/submit.js';
import { parseMissionId } from '../../domain/mission-id.js';
import { decideCall } from './approvals.js';
import { clientCommand } from '../client-command.js';
import { caughtUp, withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { asOperator } from '../operators-setting.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';

/** @param id of a mission, or of a call that waits */
export function approve(context: CommandContext, id: string): Promise<ExitCode> {
  if (!isMission(id)) return decideCall(context, id, { approved: true, reason: '' });
  return decide(context, id, 'approved', approvePlan);
}

/** @param id of a mission, or of a call that waits */
export function reject(context: CommandContext, id: string, reason: string): Promise<ExitCode> {
  if (!isMission(id)) return decideCall(context, id, { approved: false, reason });
  return decide(context, id, 'rejected', rejectPlan(reason));
}

const isMission = (id: string): boolean => parseMissionId(id) !== null;

export async function answerMission(context: CommandContext, missionId: string, text: string): Promise<ExitCode> {
  requireText(text);
  return decide(context, missionId, 'answered', answer(text));
}

export function cancelMission(context: CommandContext, missionId: string, reason: string): Promise<ExitCode> {
  return decide(context, missionId, 'cancel requested', cancel(reason));
}

const NOT_TAKEN_YET = 'no orchestrator has taken it yet; it is in the log, and counts when one does\n';

/** Reads the mission, appends what the person decided to its partition, and says so. */
async function decide(given: CommandContext, missionId: string, done: string, decision: Decide): Promise<ExitCode> {
  const context = await asOperator(given);
  return withClient(context, async (session) => {
    const feed = await session.openFeed();
    await caughtUp(context, feed);
    const decided = { feed, mission: requireMission(feed, missionId), decision };
    const verdict = await decideFor(context.client, session.log, decided, () =>
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
    if (verdict === 'pending') context.host.stderr.write(NOT_TAKEN_YET);
    await sayIfNoOrchestrator(context, session);
    return EXIT.done;
  });
}

import { answer, appendDecision, approve, cancel, reject, requireText, type Decide } from '../../client/decisions.js';
import { requireMission } from '../../client/require-mission.js';
import { withWorkspace } from '../../client/submit.js';
import { clientCommand } from '../client-command.js';
import { caughtUp, withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';

export function approveMission(context: CommandContext, missionId: string): Promise<ExitCode> {
  return decide(context, missionId, 'approved', approve);
}

export function rejectMission(context: CommandContext, missionId: string, reason: string): Promise<ExitCode> {
  return decide(context, missionId, 'rejected', reject(reason));
}

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

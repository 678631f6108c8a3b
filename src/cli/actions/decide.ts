import type { EventOf } from '../../domain/events.js';
import { parseMissionId } from '../../domain/mission-id.js';
import { isOpen, questionOf, statusOf, type Mission } from '../../domain/mission-state.js';
import type { Log } from '../../ports/log.js';
import { createEventFactory } from '../../domain/event-factory.js';
import { appendOne } from '../../client/append-one.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';
import { clientCommand } from '../client-command.js';
import { CliError, wrongUse } from '../cli-error.js';
import { caughtUp, requireMission, withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { requester } from '../host.js';
import { withWorkspace } from '../../client/submit.js';
import { awaitsAnswer } from '../answers.js';

type Decision = EventOf<'plan_approved' | 'plan_rejected' | 'attention_answered' | 'mission_cancel_requested'>;

/** Lets the proposed plan run. */
export function approveMission(context: CommandContext, missionId: string): Promise<ExitCode> {
  return decide(context, missionId, 'approved', (mission) => {
    const payload = { mission_id: missionId, revision: requireProposal(mission), approved_by: requester(context.host) };
    return createEventFactory(context.host)({
      type: 'plan_approved',
      from: payload.approved_by,
      to: 'orchestrator',
      missionId,
      payload,
    });
  });
}

/** Refuses the proposed plan; the planner hears why. */
export function rejectMission(context: CommandContext, missionId: string, reason: string): Promise<ExitCode> {
  return decide(context, missionId, 'rejected', (mission) => {
    const payload = {
      mission_id: missionId,
      revision: requireProposal(mission),
      rejected_by: requester(context.host),
      reason,
    };
    return createEventFactory(context.host)({
      type: 'plan_rejected',
      from: payload.rejected_by,
      to: 'orchestrator',
      missionId,
      payload,
    });
  });
}

/** Answers the question that a mission waits with; it goes on. */
export function answerMission(context: CommandContext, missionId: string, answer: string): Promise<ExitCode> {
  if (answer.trim() === '')
    return Promise.reject(
      wrongUse('the answer is empty', 'Say what should be done differently, or use ravenhelm cancel.'),
    );
  return decide(context, missionId, 'answered', (mission) => {
    const payload = {
      mission_id: missionId,
      number: requireQuestion(mission),
      answer: answer.trim(),
      answered_by: requester(context.host),
    };
    return createEventFactory(context.host)({
      type: 'attention_answered',
      from: payload.answered_by,
      to: 'orchestrator',
      missionId,
      payload,
    });
  });
}

/** Asks to stop a mission that has not ended. */
export function cancelMission(context: CommandContext, missionId: string, reason: string): Promise<ExitCode> {
  return decide(context, missionId, 'cancel requested', (mission) => {
    if (!isOpen(mission)) throw wrongUse(`mission ${missionId} has already ended: ${statusOf(mission)}`, null);
    const payload = { mission_id: missionId, requested_by: requester(context.host), reason };
    return createEventFactory(context.host)({
      type: 'mission_cancel_requested',
      from: payload.requested_by,
      to: 'orchestrator',
      missionId,
      payload,
    });
  });
}

/** Reads the mission, appends what the person decided to its partition, and says so. */
async function decide(
  context: CommandContext,
  missionId: string,
  done: string,
  make: (mission: Mission) => Decision,
): Promise<ExitCode> {
  return withClient(context, async (session) => {
    const feed = await session.openFeed();
    await caughtUp(context, feed);
    requireMission(feed, missionId);
    const mission = feed.view.mission(missionId);
    if (mission === null) throw wrongUse(`there is no mission ${missionId}`);
    await appendDecision(context, session.log, missionId, make(mission));
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

async function appendDecision(context: CommandContext, log: Log, missionId: string, event: Decision): Promise<void> {
  const parts = parseMissionId(missionId);
  if (parts === null)
    throw new CliError(
      'mission_id',
      EXIT.usage,
      `${missionId} is no mission id`,
      'Mission ids look like 20261123-141502-417-p05-x7k2.',
    );
  await appendOne(context.client, log, {
    appender: 'submit',
    topic: context.topics.coordination,
    partition: parts.partition,
    key: missionId,
    event,
    onUnknown: () =>
      context.host.stderr.write(
        `it is not known whether the log has it; ${clientCommand(context, `status ${missionId}`)} shows it. Repeating the command does no harm.\n`,
      ),
  });
}

/** The question that a person can answer now. */
function requireQuestion(mission: Mission): number {
  if (!isOpen(mission)) throw wrongUse(`mission ${mission.id} has already ended: ${statusOf(mission)}`, null);
  const question = questionOf(mission);
  if (question !== null) return question.number;
  if (awaitsAnswer(mission))
    throw wrongUse(
      `mission ${mission.id} asks nothing; its plan waits for an answer`,
      `Answer it with approve or reject: ravenhelm approve ${mission.id}, or ravenhelm reject ${mission.id} --why "…"`,
    );
  const hint =
    mission.request.on_failure === 'ask'
      ? 'ravenhelm watch shows when it asks something.'
      : 'Its file does not say on_failure: ask, so it never asks; a plan that waits is answered with approve or reject.';
  throw wrongUse(`mission ${mission.id} asks nothing`, hint);
}

/** The revision that a person can answer now. */
function requireProposal(mission: Mission): number {
  if (!isOpen(mission)) throw wrongUse(`mission ${mission.id} has already ended: ${statusOf(mission)}`, null);
  if (awaitsAnswer(mission)) return mission.revision;
  if (questionOf(mission) !== null)
    throw wrongUse(
      `mission ${mission.id} has no plan that waits; it waits for the answer to its question`,
      `ravenhelm answer ${mission.id} "…"`,
    );
  throw wrongUse(
    `mission ${mission.id} waits for no answer: ${mission.planning.kind === 'approved' ? 'its plan runs' : 'no plan has been proposed'}`,
    mission.request.approval === 'approval'
      ? 'ravenhelm watch shows when there is one.'
      : `Its file says approval: ${mission.request.approval}.`,
  );
}

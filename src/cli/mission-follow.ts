import { planDigest } from '../agent/plan-digest.js';
import type { AgentEvent } from '../domain/events.js';
import { plannerOf } from '../domain/mission-planning.js';
import type { MissionReport } from '../domain/report.js';
import { createCallPrompt, type CallPrompt, type CallPromptOptions } from './call-prompt.js';
import type { CommandContext } from './context.js';
import type { MissionFeed } from '../client/mission-feed.js';
import { answerText, questionText } from './answers.js';
import { planText } from './plan-text.js';
import { createProgress, type Progress } from './progress.js';

export interface FollowOptions {
  readonly missionId: string;
  readonly feed: MissionFeed;
  /** Rejects when waiting is of no use any more. */
  readonly broken: Promise<never>;
  /** Said on stderr when following ends before the mission; null: nothing. */
  readonly ifNotEnded: string | null;
  /** A person at the terminal is asked about calls. */
  readonly asking?: Omit<CallPromptOptions, 'feed' | 'progress'>;
  /** A line that the person should read meanwhile; null when there is nothing to say. */
  readonly notice?: Promise<string | null>;
}

/** Shows a mission's progress until it has ended; resolves with its report. Rejects when it was interrupted. */
export async function followMission(
  context: CommandContext,
  { missionId, feed, broken, notice, ifNotEnded, asking }: FollowOptions,
): Promise<MissionReport> {
  const { host, people, colors } = context;
  const live = people.isTerminal && host.env['TERM'] !== 'dumb';
  const progress = createProgress({ output: people, clock: host.clock, colors, live });
  const prompt = asking === undefined ? null : createCallPrompt(context, { feed, progress, ...asking });
  const restoreLog = context.redirectLog(progress.say);
  const unsubscribe = feed.onMission(missionId, (event, report) => {
    progress.onEvent(event, report);
    announcePlan(context, event, feed, progress);
    if (prompt !== null) askAboutCalls(prompt, event, report);
    if (event.event_type === 'attention_requested') progress.say(questionText(context, missionId, report.question));
  });
  let end: 'replaced' | 'kept' = 'kept';
  let following = true;
  notice?.then(
    (text) => text !== null && following && (live ? progress.say(text) : host.stderr.write(text)),
    // When the log is gone, following fails, too, and reports it.
    (error: unknown) => context.logger.debug({ error }, 'notice.failed'),
  );
  try {
    const report = await Promise.race([feed.ended(missionId, host.interruption), broken]);
    end = 'replaced';
    return report;
  } finally {
    following = false;
    prompt?.stop();
    unsubscribe();
    restoreLog();
    progress.stop(end);
    if (end === 'kept' && ifNotEnded !== null) host.stderr.write(`${ifNotEnded}\n`);
  }
}

function askAboutCalls(prompt: CallPrompt, event: AgentEvent, report: MissionReport): void {
  if (event.event_type === 'task_paused') for (const call of report.waiting_calls) prompt.onWaiting(call);
  if (event.event_type === 'call_decided' || event.event_type === 'task_resumed')
    prompt.onDecided(event.payload.approval_id);
}

/** With monitoring and approval a person sees the plan, with approval also how to answer. */
function announcePlan(context: CommandContext, event: AgentEvent, feed: MissionFeed, progress: Progress): void {
  if (event.event_type !== 'plan_proposed') return;
  const { mission_id: missionId, revision, plan } = event.payload;
  const approval = feed.view.mission(missionId)?.request.approval ?? 'none';
  if (approval === 'none') return;
  progress.say(planText(plan, plannerOf(event.payload)));
  if (approval !== 'approval') return;
  progress.say(answerText(context, { mission_id: missionId, revision, plan_digest: planDigest(plan) }));
}

import type { AgentEvent } from '../domain/events.js';
import type { MissionReport } from '../domain/report.js';
import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import { planText } from './plan-text.js';
import { createProgress, type Progress } from './progress.js';

export interface FollowOptions {
  readonly missionId: string;
  readonly feed: MissionFeed;
  /** Rejects when waiting is of no use any more. */
  readonly broken: Promise<never>;
}

/** Shows a mission's progress until it has ended; resolves with its report. Rejects when it was interrupted. */
export async function followMission(context: CommandContext, { missionId, feed, broken }: FollowOptions): Promise<MissionReport> {
  const { host, people, colors } = context;
  const live = people.isTerminal && host.env['TERM'] !== 'dumb';
  const progress = createProgress({ output: people, clock: host.clock, colors, live });
  const restoreLog = context.redirectLog(progress.say);
  const unsubscribe = feed.subscribe((change) => {
    const report = change.missionId === missionId ? feed.view.report(missionId) : null;
    if (report === null) return;
    progress.onEvent(change.event, report);
    announcePlan(context, change.event, feed, progress);
  });
  let end: 'replaced' | 'kept' = 'kept';
  try {
    const report = await Promise.race([feed.ended(missionId, host.interruption), broken]);
    end = 'replaced';
    return report;
  } finally {
    unsubscribe();
    restoreLog();
    progress.stop(end);
  }
}

/** With monitoring and approval a person sees the plan, with approval also how to answer. */
function announcePlan(context: CommandContext, event: AgentEvent, feed: MissionFeed, progress: Progress): void {
  if (event.event_type !== 'plan_proposed') return;
  const { mission_id: missionId, plan } = event.payload;
  const approval = feed.view.mission(missionId)?.request.approval ?? 'none';
  if (approval === 'none') return;
  progress.say(planText(plan));
  if (approval !== 'approval') return;
  progress.say(`The plan waits for an answer:\n  ${clientCommand(context, `approve ${missionId}`)}\n  ${clientCommand(context, `reject ${missionId} --why "…"`)}\n`);
}

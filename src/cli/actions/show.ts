import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { readAttempts } from '../../client/attempts.js';
import { workspaceOf } from '../../domain/continuation.js';
import { findWholeOutput, type OutputOf, type WholeOutput } from '../../client/whole-output.js';
import type { AttemptReport } from '../../domain/attempt-report.js';
import { pauseOf } from '../../domain/mission-report.js';
import { attemptParts } from '../attempt-text.js';
import { wrongUse } from '../cli-error.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { pauseText } from '../pause-text.js';
import { safeLine } from '../text-width.js';
import { waitingPlan, waitingPlanText } from '../waiting-plan.js';

export interface ShowOptions {
  /** As a person names it. */
  readonly mission: string;
  readonly task: string | null;
  readonly attempt: number | null;
  readonly step: number | null;
  readonly wholeOutput: boolean;
  readonly prompts: boolean;
}

/** The journal of a mission's attempts, for people, or with --json as one JSON object a line, one for each attempt. */
export function showAttempts(context: CommandContext, options: ShowOptions): Promise<ExitCode> {
  const { task, attempt, step, prompts } = options;
  return withClient(context, async ({ log, missions }) => {
    const { mission } = await missions.openMission(options.mission);
    const pause = pauseOf(mission);
    if (pause !== null && !context.json) context.say(`${pauseText(pause)}\n`);
    const base = mission.request.workspace ?? context.config.values.WORKSPACE_ROOT;
    let attempts = 0;
    let shown = 0;
    await readAttempts(context.client, log, mission, { task, attempt, prompts }, async (whole) => {
      attempts += 1;
      const report = step === null ? whole : onlyStep(whole, step);
      if (report === null) return;
      shown += 1;
      await showAttempt(context, options, { base, missionId: workspaceOf(mission.request) }, report);
    });
    if (shown > 0) return EXIT.done;
    const waiting = waitingPlan(mission);
    if (waiting !== null && task === null && !context.json) {
      context.host.stdout.write(waitingPlanText(context, waiting));
      return EXIT.done;
    }
    if (attempts > 0) throw wrongUse(`no attempt has a step ${step}`, 'Leave --step out to see every step.');
    context.say(
      mission.tasks.size === 0
        ? `${mission.id} has no tasks yet`
        : `no task of ${mission.id} was assigned yet, or its records were deleted (retention of the tasks topics)`,
    );
    return EXIT.done;
  });
}

function onlyStep(report: AttemptReport, wanted: number): AttemptReport | null {
  const steps = report.steps.filter(({ step }) => step === wanted);
  return steps.length === 0 ? null : { ...report, steps };
}

async function showAttempt(
  context: CommandContext,
  { wholeOutput }: ShowOptions,
  place: Place,
  report: AttemptReport,
): Promise<void> {
  const { stdout } = context.host;
  // Where a pager has not read yet, what follows waits and is not kept in memory.
  const write = (text: string): Promise<void> => {
    stdout.write(text);
    return stdout.drained();
  };
  if (context.json) return write(`${JSON.stringify(report)}\n`);
  const outputs = wholeOutput ? await wholeOutputsOf(place, report) : new Map<number, WholeOutput>();
  for (const part of attemptParts(report, { colors: context.colors, whole: wholeOutput, outputs })) {
    if (part.kind === 'text') await write(part.text);
    else
      for await (const line of createInterface({ input: createReadStream(part.path, 'utf8'), crlfDelay: Infinity }))
        await write(`${part.indent}${safeLine(line)}\n`);
  }
}

/** Where the files of a mission's steps lie. */
type Place = Pick<OutputOf, 'base' | 'missionId'>;

/** The files of the outputs that the journal holds only in part. */
async function wholeOutputsOf(place: Place, report: AttemptReport): Promise<ReadonlyMap<number, WholeOutput>> {
  const found = new Map<number, WholeOutput>();
  for (const { step, outcome } of report.steps) {
    if (outcome === null || outcome.output_digest === null) continue;
    const { task_id: taskId, attempt } = report;
    const whole = await findWholeOutput({ ...place, taskId, attempt, step, digest: outcome.output_digest });
    if (whole !== null) found.set(step, whole);
  }
  return found;
}

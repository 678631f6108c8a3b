import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readAttempts } from '../../client/attempts.js';
import { workspaceOf } from '../../domain/continuation.js';
import { askProcesses, type StatusReport } from '../../client/ask-processes.js';
import { findWholeOutput, isCut, placesOfOutput, type OutputOf, type WholeOutput } from '../../client/whole-output.js';
import { fetchWholeOutput } from '../../client/worker-output.js';
import type { AttemptReport } from '../../domain/attempt-report.js';
import { budgetUseOf, pauseOf } from '../../domain/mission-report.js';
import { attemptParts } from '../attempt-text.js';
import { budgetUsesText } from '../budget-text.js';
import { wrongUse } from '../cli-error.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { pauseText } from '../pause-text.js';
import { oneLine, safeLine } from '../text-width.js';
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
  return withClient(context, async (session) => {
    const { log, missions } = session;
    const { mission } = await missions.openMission(options.mission);
    const pause = pauseOf(mission);
    if (pause !== null && !context.json) context.say(`${pauseText(pause)}\n`);
    const used = budgetUsesText({ budget_used: budgetUseOf(mission) });
    if (used !== '' && !context.json) context.say(`${used}\n`);
    const base = mission.request.workspace ?? context.config.values.WORKSPACE_ROOT;
    const outputs = { isOwn: mission.request.workspace !== null, workers: createWorkers(context, session) };
    let attempts = 0;
    let shown = 0;
    await readAttempts(context.client, log, mission, { task, attempt, prompts }, async (whole) => {
      attempts += 1;
      const report = step === null ? whole : onlyStep(whole, step);
      if (report === null) return;
      shown += 1;
      await showAttempt(context, options, { base, missionId: workspaceOf(mission.request), ...outputs }, report);
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
  const directory = wholeOutput ? await mkdtemp(join(tmpdir(), 'ravenhelm-show-')) : null;
  try {
    const outputs = directory === null ? NO_OUTPUTS : await wholeOutputsOf(context, place, report, directory);
    for (const part of attemptParts(report, { colors: context.colors, whole: wholeOutput, outputs })) {
      if (part.kind === 'text') await write(part.text);
      else
        for await (const line of createInterface({ input: createReadStream(part.path, 'utf8'), crlfDelay: Infinity }))
          await write(`${part.indent}${safeLine(line)}\n`);
    }
  } finally {
    if (directory !== null) await rm(directory, { recursive: true, force: true });
  }
}

const NO_OUTPUTS: ReadonlyMap<number, WholeOutput> = new Map();

interface Place extends Pick<OutputOf, 'base' | 'missionId'> {
  /** Whether the mission has its own directory, at the same path on every worker. */
  readonly isOwn: boolean;
  /** The processes that answer; asked once. */
  workers(): Promise<readonly StatusReport[]>;
}

const FIRST_ANSWER_MS = 3_000;
const QUIET_MS = 700;

function createWorkers(context: CommandContext, session: ClientSession): Place['workers'] {
  let asked: Promise<readonly StatusReport[]> | null = null;
  const limits = { firstMs: FIRST_ANSWER_MS, quietMs: QUIET_MS, isEnough: () => false };
  return () => (asked ??= askProcesses(context.client, session, limits));
}

/** The files of the outputs that the journal holds only in part: here, else from a worker, else it is said where. */
async function wholeOutputsOf(
  context: CommandContext,
  place: Place,
  report: AttemptReport,
  directory: string,
): Promise<ReadonlyMap<number, WholeOutput>> {
  const found = new Map<number, WholeOutput>();
  const { task_id: taskId, attempt } = report;
  for (const { step, outcome, worker_id: workerId } of report.steps) {
    if (outcome === null || outcome.output_digest === null) continue;
    const wanted = { ...place, taskId, attempt, step, digest: outcome.output_digest };
    const here = await findWholeOutput(wanted);
    if (here !== null) found.set(step, here);
    if (here !== null || !isCut(outcome.output)) continue;
    const own = join(directory, String(step));
    await mkdir(own);
    const { clock, signal } = context.client;
    const access = { clock, signal, token: context.config.values.RAVENHELM_HTTP_TOKEN };
    const fetched = await fetchWholeOutput(await place.workers(), { ...wanted, workerId, directory: own }, access);
    if (typeof fetched !== 'string') found.set(step, fetched);
    else context.host.stderr.write(`${oneLine(elsewhereText(wanted, workerId, fetched))}\n`);
  }
  return found;
}

/** The process has its computer's name in its own; where its root lies, only it knows. */
function elsewhereText(
  { base, isOwn, ...output }: OutputOf & Pick<Place, 'isOwn'>,
  workerId: string,
  why: string,
): string {
  const { stdout } = placesOfOutput({ ...output, base: isOwn ? base : 'WORKSPACE_ROOT' });
  return `the whole output of ${output.taskId} step ${output.step} is with ${workerId}, in ${stdout}: ${why}`;
}

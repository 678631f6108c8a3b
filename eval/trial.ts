/** One trial: a mission of one task, and a judge who does not rely on what the agent left of the tests. */
import { rm } from 'node:fs/promises';
import { createClient, createSwarm, defineAgent, memoryLog, type ModelOptions } from '../src/index.js';
import type { EvalTask } from './task-files.js';
import { createWorkspace, restoreProtected } from './workspace.js';

export interface TrialResult {
  /** The swarm says that the task is verified. */
  readonly verified: boolean;
  /** The judge agrees, with the protected files as they were; false where nothing was verified. */
  readonly judged: boolean;
  readonly steps: number;
  readonly tokens: number;
  readonly durationMs: number;
  /** Changes that made a reply readable. */
  readonly repairs: number;
  /** Replies that could not be used, and models that were skipped. */
  readonly refused: number;
  /** Why it was not verified; empty where it was. */
  readonly reason: string;
}

export interface TrialOptions {
  readonly models: ModelOptions;
  /** Limit of an attempt in seconds. */
  readonly timeoutSeconds: number;
  readonly maxSteps: number;
  /** New attempts after a failed one. */
  readonly retries: number;
}

/** Runs a task with a chain of models. */
export async function runTrial(task: EvalTask, options: TrialOptions): Promise<TrialResult> {
  const workspace = await createWorkspace(task);
  try {
    const solver = defineAgent({
      name: 'solver',
      description: 'Works in a directory with commands.',
      prompt:
        'You are solver. You do one small task in the workspace, with commands, and prove it with the checks. ' +
        'Never change a file that a check relies on. If the task cannot be done as the brief says, stop and say why.',
      timeoutSeconds: options.timeoutSeconds,
      maxSteps: options.maxSteps,
    });
    const beganMs = performance.now();
    const outcome = await runTask(task, solver, workspace, options);
    const durationMs = performance.now() - beganMs;
    const judged = outcome.verified && (await judge(task, workspace)).passes;
    return { ...outcome, judged, durationMs };
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

/** What the judge says. */
export interface Verdict {
  readonly passes: boolean;
  /** Why the checks do not pass; empty where they do. */
  readonly reason: string;
}

/** Whether the checks pass in a workspace after a script, with the task's own protected files. */
export async function judgeAfter(task: EvalTask, script: string | null): Promise<Verdict> {
  const workspace = await createWorkspace(task);
  try {
    return await judge(task, workspace, script);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

type Outcome = Omit<TrialResult, 'judged' | 'durationMs'>;

async function runTask(
  task: EvalTask,
  solver: ReturnType<typeof defineAgent>,
  workspace: string,
  { models, retries }: TrialOptions,
): Promise<Outcome> {
  const swarm = await createSwarm({ log: memoryLog(), agents: [solver], models });
  const client = createClient(swarm);
  try {
    const { missionId } = await client.submit(
      {
        name: task.name,
        brief: `Task ${task.name}. ${task.brief}`,
        retries,
        plan: {
          waves: [
            {
              tasks: [solverTask(task)],
            },
          ],
        },
      },
      { workspace },
    );
    const report = await client.follow(missionId);
    const counted = { repairs: 0, refused: 0, steps: 0 };
    await client.attempts(missionId, ({ steps }) => {
      counted.steps += steps.length;
      for (const step of steps) {
        counted.repairs += step.repairs.length;
        counted.refused += step.refusals.length;
      }
    });
    const verified = report.tasks[0]?.status === 'verified';
    return { verified, tokens: report.tokens, reason: verified ? '' : (report.reason ?? report.status), ...counted };
  } finally {
    await client.close();
    await swarm.close();
  }
}

const solverTask = ({ brief, checks, changes, protected: kept }: EvalTask) => ({
  agent: 'solver',
  description: brief,
  acceptance: checks,
  changes,
  protected: kept,
});

/** The judge: a playbook that does nothing or runs a script, and then the task's checks. */
async function judge(task: EvalTask, workspace: string, script: string | null = null): Promise<Verdict> {
  await restoreProtected(workspace, task);
  const agent = defineAgent({
    name: 'judge',
    description: 'Runs checks.',
    timeoutSeconds: 120,
    playbooks: {
      judge: {
        steps: [{ name: 'script', command: script ?? 'true' }],
        acceptance: task.checks,
        changes: task.changes,
      },
    },
  });
  const swarm = await createSwarm({ log: memoryLog(), agents: [agent] });
  const client = createClient(swarm);
  try {
    const report = await client.run(
      {
        name: `judge ${task.name}`,
        brief: 'Run the checks.',
        retries: 0,
        plan: { waves: [{ tasks: [{ agent: 'judge', description: 'Run the checks.', playbook: 'judge' }] }] },
      },
      { workspace },
    );
    const checks = report.tasks[0]?.checks ?? [];
    const passes = checks.length === task.checks.length && checks.every(({ exit_code }) => exit_code === 0);
    return { passes, reason: passes ? '' : (report.reason ?? report.status) };
  } finally {
    await client.close();
    await swarm.close();
  }
}

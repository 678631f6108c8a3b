import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type MissionFile } from '../../src/agent/mission-file.js';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { loadRoster, type Roster } from '../../src/agent/roster.js';
import type { Check } from '../../src/domain/events.js';
import type { Playbook } from '../../src/domain/agent-spec.js';
import type { CheckRun, TaskPlace, ToolExecutor, ToolOutcome } from '../../src/ports/tools.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { keyDirectory, workspaceMarker } from '../../src/tools/places.js';
import { probeSandbox } from '../../src/tools/probe.js';
import { createToolExecutor } from '../../src/tools/tool-executor.js';
import { systemClock } from './system-clock.js';

/** Workspaces below one root, and the real executor with its sandbox; no broker, no model, no orchestrator. */
export interface Platform {
  readonly roster: Roster;
  mission(name: string): MissionFile;
  /** Runs the plan of a mission wave by wave, the tasks of a wave side by side, as playbooks say. */
  runPlan(mission: MissionFile, workspace: string): Promise<readonly TaskRun[]>;
  runPlaybook(agent: string, playbook: Playbook, workspace: string): Promise<TaskRun>;
  /** Runs a command as an agent, with the workspace writable. */
  run(workspace: string, agent: string, command: string): Promise<ToolOutcome>;
  /** @param agent null: the checks are the mission's */
  check(workspace: string, agent: string | null, checks: readonly Check[]): Promise<CheckRun>;
  /** With its key. */
  copy(from: string, to: string): void;
  /** Where a workspace lies here. */
  directory(workspace: string): string;
}

export interface TaskRun {
  readonly agent: string;
  readonly wave: number;
  /** Names of the steps that were run; the others were skipped by unless. */
  readonly stepsRun: readonly string[];
  readonly checks: CheckRun;
}

/** Less than the tests wait: a command that hangs is then reported with what it said. */
const TIME_LIMIT_MS = 60_000;
const project = resolve('.');

export async function createPlatform(): Promise<Platform> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'ravenhelm-missions-')));
  const root = join(base, 'workspaces');
  mkdirSync(root);
  const marker = await workspaceMarker(root);
  const executor = await createExecutor(root);
  const roster = await loadRoster(join(project, 'agents'), { tools: TOOL_DEFINITIONS.map((tool) => tool.name) });
  const never = new AbortController().signal;
  let steps = 0;

  const place = (workspace: string, agent: string | null): TaskPlace => ({
    missionId: workspace,
    taskId: `task-${++steps}`,
    attempt: 1,
    workspace: null,
    workspaceMarker: marker,
    secretsKey: agent === null ? 'existing' : roster.byName(agent)?.secretsKey === true ? 'made' : 'none',
  });
  const run: Platform['run'] = (workspace, agent, command) =>
    executor.run(
      {
        task: place(workspace, agent),
        step: 1,
        claimOffset: 1,
        timeLimitMs: TIME_LIMIT_MS,
        tool: 'execute_terminal_command',
        arguments: { command },
      },
      never,
    );
  const check: Platform['check'] = (workspace, agent, checks) =>
    executor.runChecks(
      { task: place(workspace, agent), step: 1, claimOffset: 1, timeLimitMs: TIME_LIMIT_MS, checks },
      never,
    );

  async function runPlaybook(agent: string, playbook: Playbook, workspace: string, wave = 0): Promise<TaskRun> {
    const stepsRun: string[] = [];
    for (const step of playbook.steps) {
      if (step.unless !== null && (await run(workspace, agent, step.unless)).exitCode === 0) continue;
      const outcome = await run(workspace, agent, step.command);
      if (outcome.exitCode !== 0) throw new Error(`${agent}: step ${step.name}: ${outcome.observation}`);
      stepsRun.push(step.name);
    }
    return { agent, wave, stepsRun, checks: await check(workspace, agent, playbook.acceptance) };
  }

  async function runPlan(mission: MissionFile, workspace: string): Promise<readonly TaskRun[]> {
    const runs: TaskRun[] = [];
    for (const wave of mission.plan?.waves ?? []) {
      const tasks = wave.tasks.map((task) =>
        runPlaybook(task.agent, playbookOf(roster, task.agent, task.playbook), workspace, wave.wave_number),
      );
      runs.push(...(await Promise.all(tasks)));
    }
    return runs;
  }

  return {
    roster,
    mission: (name) => parseMissionFile(readFileSync(join(project, 'missions', name), 'utf8'), name, roster),
    runPlan,
    runPlaybook,
    run,
    check,
    // -a keeps the owner: files of mode 600 stay readable for the sandbox's account.
    copy(from, to) {
      execFileSync('cp', ['-a', join(root, from), join(root, to)]);
      const keyOf = (missionId: string) => keyDirectory(root, { missionId, workspace: null, workspaceMarker: marker });
      if (existsSync(keyOf(from))) execFileSync('cp', ['-a', keyOf(from), keyOf(to)]);
    },
    directory: (workspace) => join(root, workspace),
  };
}

export function playbookOf(roster: Roster, agent: string, name: string | null): Playbook {
  const playbook = roster.byName(agent)?.playbooks[name ?? ''];
  if (playbook === undefined) throw new Error(`${agent} has no playbook ${name}`);
  return playbook;
}

async function createExecutor(workspaceRoot: string): Promise<ToolExecutor> {
  const toolboxDir = join(project, 'toolbox');
  const extraBinds = ['yaml', '@electric-sql/pglite'].map((name) => ({
    source: join(project, 'node_modules', name),
    target: `/node_modules/${name}`,
  }));
  const sandbox = await probeSandbox({ toolboxDir, extraBinds, nodePath: process.execPath });
  if (!sandbox.ok) throw new Error(`these tests need bubblewrap: ${sandbox.reason}. ${sandbox.fix}`);
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => logger };
  return createToolExecutor({
    workspaceRoot,
    toolboxDir,
    sandbox,
    extraBinds,
    nodePath: process.execPath,
    clock: systemClock,
    logger,
  });
}

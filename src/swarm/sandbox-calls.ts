/** Single tool calls as an agent's task makes them, without a mission, a model or a log. */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { redactTexts } from '../agent/redact.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import type { StepOutcome } from '../domain/events.js';
import { reportConnection, type ConnectionReport } from '../domain/attempt-report.js';
import { limitsOf, type LimitName } from '../domain/limits.js';
import type { NetworkConnection } from '../domain/network.js';
import { permissionsOf } from '../domain/permissions.js';
import { reachOf, taintOf, type UntrustedSource } from '../domain/taint.js';
import type { Ids } from '../ports/clock.js';
import { abilitiesOf, ANY_AGENT, type Policy, type Verdict } from '../ports/policy.js';
import { isStopped, judgeSecrets, stoppedResult } from '../roles/worker/call-verdict.js';
import type { TaskPlace, ToolCall, ToolExecutor, ToolOutcome } from '../ports/tools.js';
import { COMMAND } from '../tools/definitions.js';
import { readLauncherOutcome } from '../tools/outcome.js';
import { keyDirectory, runDirectory, stepName, workspaceMarker } from '../tools/places.js';
import { openTools, type OpenToolsOptions } from './tools.js';

export interface SandboxCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The result of a call, as `ravenhelm sandbox` prints it. */
export interface SandboxCallResult {
  /** What the policy said. */
  readonly decision: 'allow' | 'ask' | 'deny';
  /** The policy's rule that decided; null: the call came to no policy, as its agent does not have the tool. */
  readonly rule: string | null;
  /** As in the event tool_returned. */
  readonly outcome: StepOutcome;
  /** null: nothing ran to its end. */
  readonly exit_code: number | null;
  /** Of a command, as the agent sees it (at most 16 KiB); of another tool, its whole result. */
  readonly stdout: string;
  /** Of a command, as the agent sees it; for a call that was not run, the reason. */
  readonly stderr: string;
  readonly timed_out: boolean;
  /** Whether its processes were killed. */
  readonly killed: boolean;
  /** The limit that it reached first, whether that ended it or not; null: none is known. */
  readonly limit: LimitName | null;
  readonly duration_ms: number;
  /** As in the events connection_ended. */
  readonly connections: readonly ConnectionReport[];
}

export interface SandboxCallsOptions extends OpenToolsOptions {
  readonly ids: Ids;
  /** Absolute; null: a new one below the workspaces' root, which close removes. */
  readonly workspace: string | null;
  /** Whose tools, time limit and limits hold; null: all tools, the default limits. */
  readonly agent: AgentSpec | null;
  /** Whether the task has read untrusted content before the first call. */
  readonly tainted: boolean;
  /** Judges each call, as in a worker. */
  readonly policy: Policy;
}

export interface SandboxCalls {
  /** Says which sandbox is used. */
  readonly line: string;
  /** Makes a call as the next step of one task. Rejects as ToolExecutor.run does. */
  call(call: SandboxCall, signal: AbortSignal): Promise<SandboxCallResult>;
  /** Removes the task's files, and the workspace with its key if it was a new one. */
  close(): Promise<void>;
}

const TASK = 'call';
const commandOutput = z.object({ stdout: z.string(), stderr: z.string() });

/** Tries the sandbox and prepares a task. Rejects with WorkspaceUnusable. */
export async function openSandboxCalls(options: SandboxCallsOptions): Promise<SandboxCalls> {
  const { workspaceRoot, workspace, agent, ids, policy, redact } = options;
  const { tools, line } = await openTools(options);
  const base = workspace ?? workspaceRoot;
  const missionId = `sandbox-${ids.uuid()}`;
  const marker = await workspaceMarker(base);
  const secretsKey = agent?.secretsKey === true ? 'made' : 'none';
  const permissions = permissionsOf(agent ?? {});
  const place = { missionId, taskId: TASK, attempt: 1, workspace, workspaceMarker: marker };
  const task: TaskPlace = { ...place, secretsKey, permissions };
  const run = runDirectory(base, task);
  const limits = limitsOf(agent?.limits, {});
  const untrusted = untrustedOf(options);
  let step = 0;
  let calls = 0;
  return {
    line,
    async call(call, signal) {
      if (agent !== null && !agent.tools.includes(call.tool))
        return notRun(`${agent.name} does not have the tool ${call.tool}; it has ${agent.tools.join(', ')}`);
      // As the log would have it.
      const journaled = { ...call, arguments: redactTexts(call.arguments, redact) };
      const by = { agent: agent?.name ?? ANY_AGENT, ...abilitiesOf(agent) };
      const tainted = taintOf(untrusted, calls).length > 0;
      const verdict = judgeSecrets(journaled) ?? policy.judge({ ...call, ...by, tainted });
      calls += 1;
      const stopped = { ...call, ...verdict, approved_by: null, refused_because: null };
      if (isStopped(stopped)) return notRun(stoppedResult(stopped, verdict.reason).observation, verdict);
      step += 1;
      const timeLimitMs = 1000 * Math.min(limits.wall_seconds, agent?.timeoutSeconds ?? Infinity);
      const connections: ConnectionReport[] = [];
      const network = { hosts: agent?.network ?? [], onConnection: addTo(connections) };
      const outcome = await runStep(tools, { ...call, task, step, timeLimitMs, limits, network }, signal);
      const left = await readLauncherOutcome({ run }, stepName(task, step));
      return { ...resultOf(call.tool, outcome, left?.reason ?? 'exited', verdict), connections };
    },
    async close() {
      await rm(dirname(run), { recursive: true, force: true });
      if (workspace !== null) return;
      for (const directory of [join(base, missionId), keyDirectory(base, task)])
        await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What a task in that place may read, as an orchestrator would write it into the assignment. */
function untrustedOf({ agent, workspace, tainted }: SandboxCallsOptions): UntrustedSource[] {
  const own = agent === null ? [] : reachOf(agent);
  const reach = workspace === null ? own : [{ origin: 'workspace', detail: '' }, ...own];
  const before = tainted ? [{ origin: 'brief', detail: '', in_prompt: true }] : [];
  return [...before, ...reach.map((one) => ({ ...one, in_prompt: false }))];
}

type Step = SandboxCall & Pick<ToolCall, 'task' | 'step' | 'timeLimitMs' | 'limits' | 'network'>;

/** The only holder of the task, so any claim will do. */
function runStep(tools: ToolExecutor, step: Step, signal: AbortSignal): Promise<ToolOutcome> {
  return tools.run({ ...step, claimOffset: 1 }, signal);
}

const addTo = (list: ConnectionReport[]) => (connection: NetworkConnection) =>
  void list.push(reportConnection(connection));

function resultOf(
  tool: string,
  outcome: ToolOutcome,
  reason: string,
  verdict: Verdict,
): Omit<SandboxCallResult, 'connections'> {
  const ran = tool === COMMAND && outcome.exitCode !== null;
  const shown = ran ? commandOutput.parse(JSON.parse(outcome.observation)) : shownOf(outcome);
  return {
    decision: verdict.decision,
    rule: verdict.rule,
    outcome: outcome.outcome,
    exit_code: outcome.exitCode,
    stdout: shown.stdout,
    stderr: shown.stderr,
    timed_out: reason === 'timeout',
    killed: reason !== 'exited' && reason !== 'broken',
    limit: outcome.limit ?? null,
    duration_ms: outcome.durationMs,
  };
}

function shownOf({ outcome, observation }: ToolOutcome): { readonly stdout: string; readonly stderr: string } {
  return outcome === 'ok' ? { stdout: observation, stderr: '' } : { stdout: '', stderr: observation };
}

function notRun(reason: string, verdict: Verdict | null = null): SandboxCallResult {
  return {
    decision: verdict?.decision ?? 'deny',
    rule: verdict?.rule ?? null,
    outcome: 'refused',
    exit_code: null,
    stdout: '',
    stderr: reason,
    timed_out: false,
    killed: false,
    limit: null,
    duration_ms: 0,
    connections: [],
  };
}

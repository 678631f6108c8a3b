/** From the journal to the loop's task, and from the loop's end to the final record. */
import { boundaryOf } from '../../agent/data-block.js';
import type { LoopEnd, LoopTask } from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import { parseFinish } from '../../agent/reading/finish.js';
import { playbookChanges, playbookChecks, type AgentSpec } from '../../domain/agent-spec.js';
import type { TaskArtifacts } from '../../domain/artifacts.js';
import { provesTask } from '../../domain/baseline.js';
import { pathsNamedBy } from '../../domain/check-paths.js';
import type { Check, CheckResult, PayloadOf } from '../../domain/events.js';
import { jsonObject } from '../../domain/json-object.js';
import { limitsOf, type Limits } from '../../domain/limits.js';
import { spentBefore, type TaskAttempt, type TaskResultPayload } from '../../domain/task-partition.js';
import type { ProtectionRules } from '../../ports/tools.js';

/**
 * All checks that prove the task, as its assignment says them. Only an assignment of an older build leaves those of the
 * playbook to the worker's own file.
 */
export function acceptanceOf(assignment: PayloadOf<'task_assigned'>, spec: AgentSpec): readonly Check[] {
  return [...assignment.acceptance, ...(assignment.playbook_acceptance ?? playbookChecks(spec, assignment.playbook))];
}

/** What each of its calls may use. */
export function limitsOfTask(assignment: PayloadOf<'task_assigned'>, spec: AgentSpec): Limits {
  return limitsOf(spec.limits, assignment.limits);
}

/** What the task must not change, by its assignment, its playbook and its checks. */
export function protectionOf(assignment: PayloadOf<'task_assigned'>, spec: AgentSpec): ProtectionRules {
  const { playbook, beside } = assignment;
  return {
    listed: assignment.protected,
    named: pathsNamedBy(acceptanceOf(assignment, spec).map((check) => check.command)),
    changes: [...assignment.changes, ...playbookChanges(spec, playbook)],
    beside: beside ?? { changes: [], creates: [] },
  };
}

/** What the loop is given. Every step of the journal must have an outcome by now. */
export function loopTaskOf(attempt: TaskAttempt, agent: AgentSpec, owner: string): LoopTask {
  const { assignment } = attempt;
  const hasShare = assignment.share_tokens !== null || assignment.share_usd !== null;
  return {
    assignment,
    agent,
    playbook: assignment.playbook === null ? null : (agent.playbooks[assignment.playbook] ?? null),
    acceptance: acceptanceOf(assignment, agent),
    protection: protectionOf(assignment, agent),
    history: attempt.steps.map(({ call, outcome }) => {
      if (outcome === null) throw new TypeError(`step ${call.step} of ${attempt.key} has no outcome`);
      return { call, outcome };
    }),
    spent: spentBefore(attempt, owner),
    // A turn that was not reserved under this claim could be lost unrecorded. Without a budget it need not be counted.
    boundary: boundaryOf(attempt.assignmentId),
    mustReserve: hasShare && attempt.reservation?.owner !== owner,
  };
}

/** The end of a task whose last journaled step is a finish that passed: only its final record is missing. */
export function endOfFinish(attempt: TaskAttempt): LoopEnd | null {
  const last = attempt.steps.at(-1);
  if (last?.call.tool !== FINISH || last.outcome?.outcome !== 'ok') return null;
  return { kind: 'finished', ...parseFinish(parseArguments(last.call.arguments)), checks: last.outcome.checks ?? [] };
}

/** The arguments of a call as they were journaled. */
export function parseArguments(text: string): Record<string, unknown> {
  const parsed = jsonObject(text);
  if (parsed === null) throw new TypeError(`a journaled call has no arguments: ${text.slice(0, 80)}`);
  return { ...parsed };
}

/** The step's outcome has what a check printed; the result travels with other tasks. */
function withoutOutput({ name, command, exit_code, duration_ms, output_digest, baseline }: CheckResult): CheckResult {
  return { name, command, exit_code, duration_ms, output_digest, baseline };
}

export interface HowItRan {
  readonly durationMs: number;
  /** Whether its worker had the fence of the task. */
  readonly fenced: boolean;
  /** The files that it has left for people; null: it has none. */
  readonly artifacts: TaskArtifacts | null;
}

/** The attempt's final record. */
export function resultPayload(
  attempt: TaskAttempt,
  owner: string,
  end: LoopEnd,
  { durationMs, fenced, artifacts }: HowItRan,
): TaskResultPayload {
  const { assignment, steps, spending } = attempt;
  // What other owners' unanswered turns may have cost counts as spent.
  const spent = spentBefore(attempt, owner);
  // A last turn that led to no step was paid for all the same.
  const { tokensIn, tokensOut, costUsd } = end.unjournaled ?? { tokensIn: 0, tokensOut: 0, costUsd: 0 };
  const common = {
    task_id: assignment.task_id,
    mission_id: assignment.mission_id,
    attempt: assignment.attempt,
    owner,
    steps: steps.length,
    model: steps.at(-1)?.call.model ?? '',
    cost_usd: spent.usd + costUsd,
    tokens_in: spent.tokens - spending.tokensOut + tokensIn,
    tokens_out: spending.tokensOut + tokensOut,
    duration_ms: Math.round(durationMs),
    artifacts,
  };
  if (end.kind === 'finished') {
    const status = provesTask(end.checks) ? 'verified' : 'unverified';
    return {
      type: 'task_completed',
      payload: {
        ...common,
        model: end.unjournaled?.model ?? common.model,
        result: { status, summary: end.summary, outputs: { ...end.outputs }, checks: end.checks.map(withoutOutput) },
      },
    };
  }
  return {
    type: 'task_failed',
    payload: {
      ...common,
      error: end.error,
      code: end.code,
      retriable: end.retriable,
      checks: end.checks.map(withoutOutput),
      changed_paths: [...(end.changed ?? [])],
      used_up_by: end.usedUpBy,
      fenced,
    },
  };
}

/** Why an attempt was stopped from outside: a tool, or the journal, had not ended when its deadline had passed. */
import { createModelWork } from '../../agent/model-work.js';
import type { JournalStep } from '../../domain/task-partition.js';
import type { ExecutionDeps } from './execution-deps.js';

/**
 * What the attempt waits for now, then what each model did and how long it took.
 * @param stepMs how long the step has taken that is being performed; null: none is
 */
export function deadlineReason(
  { current, spec }: Pick<ExecutionDeps, 'current' | 'spec'>,
  stepMs: number | null,
): string {
  const { steps, assignment } = current();
  const last = steps.at(-1);
  const waited = stepMs === null ? '' : `, which had waited ${seconds(stepMs)} to begin`;
  const where =
    last === undefined ? ` before the first step of ${spec.name}${waited}` : `; ${lastStepText(last, stepMs)}`;
  const work = createModelWork(
    steps.flatMap(({ call, outcome }) => (outcome === null ? [] : [{ call, outcome }])),
  ).text();
  const deadline = `the execution deadline of ${assignment.timeout_seconds} s has passed`;
  return `${deadline}${where}${work === '' ? '' : `; ${work}`}`;
}

function lastStepText({ call: { step, tool, model }, outcome }: JournalStep, stepMs: number | null): string {
  const state =
    outcome === null
      ? `had not ended${stepMs === null ? '' : ` after ${seconds(stepMs)}`}`
      : `took ${seconds(outcome.duration_ms)}`;
  return `step ${step}, ${tool} of ${model}, ${state}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

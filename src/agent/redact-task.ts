import type { LoopTask } from './loop-contract.js';
import type { Redact } from '../domain/redaction.js';
import { NO_REDACTION } from './redact.js';
import type { TakenStep } from './taken-step.js';

/** The texts of a task that its prompts show. */
export function redactTask(task: LoopTask, redact: Redact): LoopTask {
  if (redact === NO_REDACTION) return task;
  const { assignment } = task;
  const { brief, description, feedback, answer, inputs } = assignment;
  return {
    ...task,
    assignment: {
      ...assignment,
      brief: redact(brief),
      description: redact(description),
      feedback: feedback === null ? null : redact(feedback),
      answer: answer === null ? null : redact(answer),
      inputs: inputs.map((input) => ({
        ...input,
        summary: redact(input.summary),
        outputs: Object.fromEntries(Object.entries(input.outputs).map(([name, value]) => [name, redact(value)])),
      })),
    },
  };
}

/** A step as its prompts show it. */
export function redactStep(step: TakenStep, redact: Redact): TakenStep {
  return redact === NO_REDACTION ? step : { ...step, observation: redact(step.observation) };
}

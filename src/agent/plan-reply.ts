import { z } from 'zod';
import type { Plan } from '../domain/events.js';
import type { ChatReply } from '../ports/model.js';
import { staticCheckProblems } from '../domain/plan-checks.js';
import { describePlanProblem } from '../domain/plan-problem.js';
import { validatePlan } from '../domain/plan-rules.js';
import { SIZES } from '../domain/sizes.js';
import { buildPlan, continuePlan, type PlanDraft, type PlanScope } from '../domain/plan.js';
import { checksSchema, numberIn, text, textWithin } from './checked-values.js';
import { portableSchema } from './portable-schema.js';
import { planReadings } from './reading/plan-shapes.js';
import { readReply, type Reading, type Refused } from './reading/read-reply.js';
import type { Repair } from './reading/repairs.js';

/** A plan in a model's reply. */
const planReplySchema = z.strictObject({
  strategy: text.describe('The reasoning in a few sentences.'),
  waves: z.array(
    z.strictObject({
      wave_number: z.int().describe('From 1, rising.'),
      rationale: text.describe('Why these tasks, now.'),
      tasks: z.array(
        z.strictObject({
          agent: text.describe('Name of the agent that runs the task.'),
          description: textWithin(SIZES.description).describe(
            'What has to be done, complete in itself: ' +
              'the agent sees the brief, this text and the results it depends on.',
          ),
          playbook: z
            .string()
            .nullable()
            .default(null)
            .describe("Name of the agent's playbook if it does exactly this task, else null."),
          acceptance: checksSchema.default([]).describe('Shell commands that exit 0 only when the task is done.'),
          timeout_seconds: numberIn('task timeout_seconds')
            .nullable()
            .default(null)
            .describe("Execution deadline in seconds; null for the agent's default."),
          protected: z
            .array(textWithin(SIZES.path))
            .max(100, 'must name at most 100 paths')
            .default([])
            .describe('Existing files and directories that the checks rely on and the task must not change.'),
          changes: z
            .array(textWithin(SIZES.path))
            .max(100, 'must name at most 100 paths')
            .default([])
            .describe('Existing files and directories that a check names and that the task has to change.'),
          artifacts: z
            .array(textWithin(SIZES.path))
            .max(100, 'must name at most 100 patterns')
            .default([])
            .describe('Patterns of the files that the task makes and people want, such as report/*.md or dist/**.'),
        }),
      ),
    }),
  ),
  risks: z.array(z.string()).default([]).describe('What may go wrong.'),
  success_criteria: checksSchema
    .default([])
    .describe('Shell commands that exit 0 only when the whole mission is done.'),
});

/** The schema that constrains a planner's model. */
export const planReplyJsonSchema = portableSchema(z.toJSONSchema(planReplySchema, { io: 'input' }), 'plan');

const FORM =
  'reply with one JSON object and nothing else: {"strategy": "…", "waves": […], "risks": […], "success_criteria": […]}';

/** Reads and validates a reply. The waves of a valid plan are numbered from firstWave. Reasons are for the model. */
export function readPlanReply(
  reply: Pick<ChatReply, 'text' | 'toolCalls' | 'ending'>,
  scope: PlanScope,
  firstWave: number,
): Reading<Plan> {
  const candidate = (shaped: { readonly value: unknown; readonly repairs: ReadonlySet<Repair> }) => ({
    key: JSON.stringify(shaped.value),
    label: 'a plan',
    inSequence: false,
    result: judged(shaped, scope, firstWave),
  });
  return readReply(reply, {
    noun: 'plan',
    form: FORM,
    fromValue: (value) => planReadings(value, planReplyJsonSchema).map(candidate),
    fromCall: (call) => {
      const [plan] = planReadings(call.arguments, planReplyJsonSchema);
      return [candidate(plan ?? { value: call.arguments, repairs: new Set() })];
    },
  });
}

function judged(
  { value, repairs }: { readonly value: unknown; readonly repairs: ReadonlySet<Repair> },
  scope: PlanScope,
  firstWave: number,
): Refused | { readonly ok: true; readonly value: Plan; readonly repairs: ReadonlySet<Repair> } {
  const parsed = planReplySchema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) =>
      path.length > 0 ? `${path.join('.')}: ${message}` : message,
    );
    return {
      ok: false,
      fault: 'arguments',
      reason: `the plan does not have the required format: ${problems.join('; ')}`,
    };
  }
  const plan = buildPlan(toDraft(parsed.data), scope);
  const problems = [...validatePlan(plan, scope), ...staticCheckProblems(plan)];
  if (problems.length === 0) return { ok: true, value: continuePlan(plan, firstWave), repairs };
  const list = problems.map((problem) => `- ${describePlanProblem(problem)}`).join('\n');
  return { ok: false, fault: 'rules', reason: `the plan cannot be carried out:\n${list}` };
}

function toDraft(reply: z.output<typeof planReplySchema>): PlanDraft {
  return {
    strategy: reply.strategy,
    waves: reply.waves.map((wave) => ({
      waveNumber: wave.wave_number,
      rationale: wave.rationale,
      // Some models write an empty name for "none".
      tasks: wave.tasks.map(({ timeout_seconds: timeoutSeconds, playbook, ...task }) => ({
        ...task,
        playbook: playbook === '' ? null : playbook,
        timeoutSeconds,
      })),
    })),
    risks: reply.risks,
    successCriteria: reply.success_criteria,
  };
}

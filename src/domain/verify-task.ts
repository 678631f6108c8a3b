import type { Check, Plan, PlanTask } from './events.js';

const PREFERRED = 'hlidskjalf_agent';

/**
 * The mission's last task: its success checks, run by an agent but by no model. The checks are the mission file's and
 * those that the planner added. null when there are none.
 */
export function verifyTaskOf(plan: Plan, success: readonly Check[]): { readonly task: PlanTask; readonly wave: number } | null {
  const checks = [...success, ...plan.success_criteria.filter((check) => !success.some((own) => own.command === check.command))];
  const tasks = plan.waves.flatMap((wave) => wave.tasks);
  const last = tasks.at(-1);
  if (checks.length === 0 || last === undefined) return null;
  const agent = tasks.some((task) => task.agent === PREFERRED) ? PREFERRED : last.agent;
  const wave = Math.max(...plan.waves.map((each) => each.wave_number)) + 1;
  return {
    wave,
    task: {
      task_id: `verify-${agent}-wave${wave}`,
      agent,
      description: 'Run the checks that prove the mission.',
      playbook: null,
      acceptance: checks,
      timeout_seconds: null,
      dependencies: tasks.map((task) => task.task_id),
    },
  };
}

import type { Plan } from '../domain/events.js';
import { oneLine } from './text-width.js';

/**
 * A plan for people; lines end in line breaks.
 * @param plannedBy who wrote it: mission (the mission's file), order, or a model's name
 */
export function planText(plan: Plan, plannedBy: string): string {
  const lines = [`strategy: ${plan.strategy}`, ...plan.waves.flatMap((wave) => waveLines(wave, plannedBy))];
  lines.push(...plan.success_criteria.map((check) => `success: ${check.name}: ${check.command}`));
  lines.push(...plan.risks.map((risk) => `risk: ${risk}`), ...plan.notes.map((note) => `note: ${note}`));
  return lines.map((line) => `${line.match(/^ */)?.[0] ?? ''}${oneLine(line)}\n`).join('');
}

/** A playbook that no person chose is named with who did: it may do something else than the brief asks. */
function playbookChoice(playbook: string | null, plannedBy: string): string {
  if (playbook === null) return '';
  return plannedBy === 'mission' ? `playbook ${playbook}` : `playbook ${playbook} (chosen by ${plannedBy})`;
}

/** The same of a task; empty where a person chose the playbook, who knows. */
export const chosenPlaybook = (task: { readonly playbook: string | null; readonly planned_by: string }): string =>
  task.planned_by === 'mission' ? '' : playbookChoice(task.playbook, task.planned_by);

function waveLines(wave: Plan['waves'][number], plannedBy: string): readonly string[] {
  const tasks = wave.tasks.flatMap((task) => {
    const facts = [
      playbookChoice(task.playbook, plannedBy),
      task.dependencies.length === 0 ? '' : `after ${task.dependencies.join(', ')}`,
      task.timeout_seconds === null ? '' : `${task.timeout_seconds} s at most`,
    ].filter((fact) => fact !== '');
    return [
      `  ${task.task_id}: ${task.description}`,
      ...(facts.length === 0 ? [] : [`      ${facts.join('; ')}`]),
      ...task.acceptance.map((check) => `      check: ${check.name}: ${check.command}`),
    ];
  });
  return [`wave ${wave.wave_number}${wave.rationale === '' ? '' : `: ${wave.rationale}`}`, ...tasks];
}

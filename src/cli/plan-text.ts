import type { Plan } from '../domain/events.js';
import { oneLine } from './text-width.js';

/** A plan for people; lines end in line breaks. */
export function planText(plan: Plan): string {
  const lines = [`strategy: ${plan.strategy}`, ...plan.waves.flatMap(waveLines)];
  lines.push(...plan.success_criteria.map((check) => `success: ${check.name}: ${check.command}`));
  lines.push(...plan.risks.map((risk) => `risk: ${risk}`), ...plan.notes.map((note) => `note: ${note}`));
  return lines.map((line) => `${line.match(/^ */)?.[0] ?? ''}${oneLine(line)}\n`).join('');
}

function waveLines(wave: Plan['waves'][number]): readonly string[] {
  const tasks = wave.tasks.flatMap((task) => {
    const facts = [
      task.playbook === null ? '' : `playbook ${task.playbook}`,
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

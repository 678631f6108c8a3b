import type { PayloadOf } from './events.js';
import type { MissionTask } from './mission-task-state.js';
import { byteLength, cutToBytes } from './sizes.js';

export type TaskInput = PayloadOf<'task_assigned'>['inputs'][number];

/** More inputs than this are of no use to a model; the last ones are kept. */
const MOST_INPUTS = 500;

/**
 * The results of these tasks as the inputs of another, of at most so many bytes in all. Each result has an equal share;
 * of a longer one the end of the summary is cut, and outputs that do not fit are left out.
 */
export function inputsWithin(done: readonly MissionTask[], mostBytes: number, most = MOST_INPUTS): TaskInput[] {
  const kept = done.slice(-most);
  const share = Math.floor(mostBytes / Math.max(1, kept.length));
  return kept.map((task) => inputOf(task, share));
}

/** Of what inputsWithin counts. */
export const inputBytes = ({ task_id, agent, summary, outputs }: TaskInput): number =>
  byteLength(task_id) + byteLength(agent) + byteLength(summary) + bytesOfAll(outputs);

function inputOf({ id, plan, summary, outputs }: MissionTask, mostBytes: number): TaskInput {
  const ids = { task_id: id, agent: plan.agent };
  const room = Math.max(0, mostBytes - byteLength(id) - byteLength(plan.agent));
  const whole = byteLength(summary) + bytesOfAll(outputs);
  if (whole <= room) return { ...ids, summary, outputs: { ...outputs } };
  const short = cutToBytes(summary, Math.floor(room / 2));
  return { ...ids, summary: short, outputs: outputsWithin(outputs, room - byteLength(short)) };
}

const bytesOfAll = (outputs: Readonly<Record<string, string>>): number =>
  Object.entries(outputs).reduce((sum, [name, value]) => sum + byteLength(name) + byteLength(value), 0);

function outputsWithin(outputs: Readonly<Record<string, string>>, mostBytes: number): Record<string, string> {
  const kept: [string, string][] = [];
  let left = mostBytes;
  for (const [name, value] of Object.entries(outputs)) {
    const bytes = byteLength(name) + byteLength(value);
    if (bytes > left) continue;
    kept.push([name, value]);
    left -= bytes;
  }
  return Object.fromEntries(kept);
}

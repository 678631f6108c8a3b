/** FNV-1a over UTF-16 code units: the same partition for a key in every process, on every log. */
export function partitionForKey(key: string, partitionCount: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash ^= key.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % partitionCount;
}

/** Key of a task's records on its agent's topic. */
export const taskRecordKey = (missionId: string, taskId: string): string => `${missionId}/${taskId}`;

/** Identity of one attempt of a task. */
export const attemptKey = (task: {
  readonly mission_id: string;
  readonly task_id: string;
  readonly attempt: number;
}): string => `${task.mission_id}/${task.task_id}/${task.attempt}`;

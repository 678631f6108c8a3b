import type { TaskAttempt } from '../../domain/task-partition.js';

/** A log line's fields that name an attempt and its span. */
export const aboutAttempt = ({ assignment, assignmentId }: TaskAttempt) => ({
  mission_id: assignment.mission_id,
  task_id: assignment.task_id,
  span_of: assignmentId,
});

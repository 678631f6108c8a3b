/** The traces of one tasks partition: what its records tell is sent as spans, where traces are switched on. */
import { createPromptReader } from '../../agent/prompt-journal.js';
import type { FoldRecord } from '../../domain/record.js';
import { createTaskTrace, spansOfTask } from '../../domain/task-spans.js';
import { traceContextOf } from '../../domain/trace-context.js';
import type { LogRecord } from '../../ports/log.js';
import { createSpanSender } from '../shared/span-sender.js';
import type { WorkerContext } from './worker-context.js';

export interface TaskTraces {
  /** A record that was applied. */
  onRecord(record: LogRecord, folded: FoldRecord): void;
  /** Whether no span of the attempt is under way. */
  readonly isSettled: (attemptKey: string) => boolean;
}

export function createTaskTraces({ deps: { log, tracing } }: WorkerContext): TaskTraces {
  const sender = tracing === undefined ? null : createSpanSender(tracing);
  const trace = createTaskTrace(tracing?.content === true ? createPromptReader : null);
  return {
    onRecord({ topic, partition, offset, headers }, folded) {
      const { event } = folded;
      const caller = event.event_type === 'task_assigned' ? traceContextOf(headers) : null;
      if (caller !== null && event.correlation_id !== null) log.continueTrace(event.correlation_id, caller);
      sender?.send(spansOfTask(trace, folded, { topic, partition, offset, caller }));
    },
    isSettled: (key) => sender?.isSettled(key) ?? true,
  };
}

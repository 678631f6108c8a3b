import type { Headers } from '../domain/dead-letter.js';
import { RECORD_SIZE } from '../domain/sizes.js';
import { traceparentOf, type ContinuedTraces } from '../domain/trace-context.js';
import type { Clock } from '../ports/clock.js';
import {
  AppendDropped,
  AppendRejected,
  RecordTooLarge,
  type Appended,
  type Appender,
  type AppendRequest,
} from '../ports/log.js';
import { frozenCopy } from './frozen-copy.js';
import type { Schedule, Storage } from './storage.js';

interface Queued {
  readonly request: AppendRequest;
  /** The event at the time of the call; the caller may change its object afterwards. */
  readonly copy: ReturnType<typeof frozenCopy>;
  resolve(appended: Appended): void;
  reject(error: Error): void;
}

export interface MemoryAppenderOptions {
  readonly name: string;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly schedule: Schedule;
  readonly maxRecordBytes: number;
  readonly continued: ContinuedTraces;
}

/** The next scheduled callback writes everything that is queued, in the order of the calls. */
export function createMemoryAppender(options: MemoryAppenderOptions): Appender {
  let queue: Queued[] = [];
  let scheduled = false;
  let closing: Promise<void> | null = null;
  let idle: (() => void) | null = null;

  const flush = () => {
    scheduled = false;
    const batch = queue;
    queue = [];
    for (const entry of batch) writeOne(entry, options);
    idle?.();
  };
  const wake = () => {
    if (scheduled) return;
    scheduled = true;
    options.schedule(flush);
  };

  const close = async () => {
    if (queue.length > 0) await new Promise<void>((resolve) => (idle = resolve));
  };

  return {
    append(request) {
      if (closing) return Promise.reject(new AppendDropped(`Appender ${options.name} is closed`));
      return new Promise((resolve, reject) => {
        queue.push({ request, copy: frozenCopy(request.event), resolve, reject });
        wake();
      });
    },
    dropQueued(matches) {
      const all = queue;
      queue = [];
      for (const entry of all) {
        const { request, reject } = entry;
        if (!matches(request)) queue.push(entry);
        else
          reject(
            new AppendDropped(
              `${request.event.event_type} for ${request.topic}[${request.partition}] was dropped before it was sent`,
            ),
          );
      }
    },
    close: () => (closing ??= close()),
  };
}

function writeOne(
  { request, copy: { event, bytes }, resolve, reject }: Queued,
  { storage, clock, maxRecordBytes, continued }: MemoryAppenderOptions,
): void {
  const { topic, partition, key } = request;
  const found = storage.find(topic);
  const target = found?.partitions[partition];
  if (!found || !target) {
    return reject(
      new AppendRejected(`${topic}[${partition}] does not exist; create the topic, or correct the partition`),
    );
  }
  const limit = Number(found.spec.config[RECORD_SIZE] ?? maxRecordBytes);
  if (bytes > limit)
    return reject(
      new RecordTooLarge(`${event.event_type} has ${bytes} bytes, but ${topic} accepts ${limit}; shorten it`, {
        bytes,
        limitBytes: limit,
      }),
    );
  const headers = traceHeaders(request, continued);
  resolve({ topic, partition, offset: target.write(key, { kind: 'event', event }, clock.now(), headers) });
}

/** Only of a trace that a mission continues: readers know the others by the mission's id. */
function traceHeaders({ caller, event: { payload } }: AppendRequest, continued: ContinuedTraces): Headers {
  const context = caller ?? ('mission_id' in payload ? continued.get(payload.mission_id ?? '') : null);
  return context === null ? {} : { traceparent: traceparentOf(context) };
}

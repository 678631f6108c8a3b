/**
 * An appender on an unreliable way to the log: one request in flight, which may come late, twice, or without an answer.
 */
import type { Appended, Appender, AppendRequest } from '../../src/ports/log.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import type { Faults } from './faults.js';
import type { SimProcess } from './sim-process.js';
import type { System } from './system.js';
import { textHash } from './text-hash.js';
import type { World } from './world.js';

export interface SimAppenderOptions {
  readonly name: string;
  readonly world: World;
  readonly faults: Faults;
  readonly process: SimProcess;
  readonly system: System;
  /** Puts a record into the log now; returns its offset. */
  write(request: AppendRequest): number;
  /** A record was refused for good. */
  onRefused(request: AppendRequest): void;
  /** A record was acknowledged to the process that appended it. */
  onOwn(process: SimProcess, appended: Appended): void;
  /** The process may die now. */
  moment(process: SimProcess): void;
}

interface Queued {
  readonly request: AppendRequest;
  resolve(appended: Appended): void;
  reject(error: Error): void;
}

type Answer = { readonly offset: number } | Error;

const HOUR_MS = 3_600_000;

export function createSimAppender({
  name,
  world,
  faults,
  process,
  system,
  write,
  onRefused,
  onOwn,
  moment,
}: SimAppenderOptions): Appender {
  const { random } = world;
  let queue: Queued[] = [];
  let inFlight: readonly Queued[] = [];
  let waking = false;
  let closing = false;
  const onIdle: (() => void)[] = [];
  /** Partitions that were given up: everything that follows for them is refused. */
  const given = new Set<string>();
  const placeOf = ({ topic, partition }: AppendRequest) => `${topic}/${partition}`;
  const failed = (place: string) => new system.AppendFailed(`${name}: ${place} did not take the record in time`);

  /** A request that is on its way does not know that its sender has died. */
  function writeAll(batch: readonly Queued[], how: string): Map<Queued, number> {
    return new Map(
      batch.map((entry) => {
        world.tell(() => `${process.id} ${how}`);
        return [entry, write(entry.request)];
      }),
    );
  }

  function wake(): void {
    if (waking || inFlight.length > 0) return;
    if (queue.length === 0) return onIdle.splice(0).forEach((idle) => idle());
    waking = true;
    process.later(random.delayMs(0.5), send);
  }

  function send(): void {
    waking = false;
    if (queue.length === 0) return wake();
    const size = random.chance(0.2) ? 1 + random.below(queue.length) : queue.length;
    inFlight = queue.splice(0, size);
    const batch = inFlight;
    const delayMs =
      faults.on('delay') && random.chance(0.05)
        ? random.next() * random.pick([1_000, 20_000, 120_000])
        : random.delayMs(2);
    world.at(delayMs, () => arrive(batch));
    moment(process);
  }

  function arrive(sent: readonly Queued[]): void {
    const tooLarge = faults.chosen.includes('large') ? sent.filter(({ request }) => isTooLarge(request.event)) : [];
    const batch = tooLarge.length === 0 ? sent : sent.filter((entry) => !tooLarge.includes(entry));
    if (batch.length > 0 && faults.on('fail') && random.chance(0.02))
      return end(sent, new Map([...failPartition(batch), ...refuse(tooLarge)]));
    if (!process.isAlive() && random.chance(0.3)) return; // The connection died with its process.
    const written = writeAll(batch, 'appends');
    if (faults.on('duplicate')) duplicate(batch);
    end(
      sent,
      new Map<Queued, Answer>([
        ...batch.map((entry): [Queued, Answer] => [entry, { offset: written.get(entry) ?? -1 }]),
        ...refuse(tooLarge),
      ]),
    );
    moment(process);
  }

  function refuse(tooLarge: readonly Queued[]): readonly [Queued, Answer][] {
    return tooLarge.map((entry) => {
      const { request } = entry;
      world.tell(() => `${request.event.event_type} of ${process.id} is too large for ${placeOf(request)}`);
      onRefused(request);
      return [entry, new system.AppendRejected(`${request.event.event_type} is too large`)];
    });
  }

  function duplicate(batch: readonly Queued[]): void {
    // Claims are few, and one that comes back hours later is the worst of all.
    const isClaim = batch.some(({ request }) => request.event.event_type === 'partition_claimed');
    if (!random.chance(isClaim ? 0.3 : 0.08)) return;
    const afterMs = random.next() * random.pick([5, 5, 500, 60_000, 3 * HOUR_MS]);
    world.at(afterMs, () => void writeAll(batch, 'appends again'));
  }

  /** One partition of the request is given up; whether its records were written is unknown. */
  function failPartition(batch: readonly Queued[]): Map<Queued, Answer> {
    const place = random.pick([...new Set(batch.map(({ request }) => placeOf(request)))]);
    given.add(place);
    const lost = batch.filter(({ request }) => placeOf(request) === place);
    const fate = random.pick(['written', 'not written', 'in part', 'later'] as const);
    world.tell(() => `${process.id} gives ${place} up; its records are ${fate}`);
    if (fate === 'written') writeAll(lost, 'appends, unknown to itself');
    if (fate === 'in part') writeAll(lost.slice(0, random.below(lost.length + 1)), 'appends, unknown to itself');
    if (fate === 'later')
      world.at(
        random.next() * random.pick([500, 60_000, HOUR_MS]),
        () => void writeAll(lost, 'appends late, unknown to itself'),
      );
    const others = batch.filter((entry) => !lost.includes(entry));
    const written = writeAll(others, 'appends');
    return new Map(
      batch.map((entry) => [entry, lost.includes(entry) ? failed(place) : { offset: written.get(entry) ?? -1 }]),
    );
  }

  /** The answer reaches the sender. */
  function end(batch: readonly Queued[], answers: ReadonlyMap<Queued, Answer>): void {
    process.later(random.delayMs(1), () => {
      inFlight = [];
      const refused = queue.filter(({ request }) => given.has(placeOf(request)));
      queue = queue.filter((entry) => !refused.includes(entry));
      for (const entry of batch) {
        const answer = answers.get(entry);
        if (answer instanceof Error) entry.reject(answer);
        else acknowledge(entry, answer?.offset ?? -1);
      }
      for (const entry of refused) entry.reject(failed(placeOf(entry.request)));
      wake();
    });
  }

  /** Its process's readers take it without a fetch. */
  function acknowledge({ request: { topic, partition }, resolve }: Queued, offset: number): void {
    onOwn(process, { topic, partition, offset });
    resolve({ topic, partition, offset });
  }

  return {
    append(request) {
      if (!process.isAlive()) return new Promise(() => undefined);
      if (closing) return Promise.reject(new system.AppendDropped(`${name} is closed`));
      if (given.has(placeOf(request))) return Promise.reject(failed(placeOf(request)));
      return new Promise((resolve, reject) => {
        queue.push({ request, resolve, reject });
        wake();
      });
    },
    dropQueued(matches) {
      const dropped = queue.filter(({ request }) => matches(request));
      queue = queue.filter((entry) => !dropped.includes(entry));
      for (const { request, reject } of dropped)
        reject(new system.AppendDropped(`${request.event.event_type} was dropped before it was sent`));
    },
    close() {
      closing = true;
      if (queue.length === 0 && inFlight.length === 0) return Promise.resolve();
      return new Promise((resolve) => onIdle.push(resolve));
    },
  };
}

/**
 * A record is too large for what is in it, whichever process sends it, however often. Only those that a model or a
 * person can make as long as they like; of an assignment the decision may fit where its carrying out, which says more,
 * does not.
 */
function isTooLarge(event: AgentEvent): boolean {
  switch (event.event_type) {
    case 'tool_called':
      return isUnlucky(`${event.event_type} ${attemptKey(event.payload)}#${event.payload.step}`);
    case 'task_completed':
      return isUnlucky(`${event.event_type} ${attemptKey(event.payload)}`);
    case 'task_assigned':
      return isUnlucky(
        `${event.event_type} ${attemptKey(event.payload)} ${event.payload.source === null ? 'decided' : 'carried out'}`,
      );
    case 'plan_proposed':
      return isUnlucky(`${event.event_type} ${event.payload.mission_id} ${event.payload.revision}`);
    default:
      return false;
  }
}

const isUnlucky = (text: string): boolean => textHash(text) % 50 === 0;

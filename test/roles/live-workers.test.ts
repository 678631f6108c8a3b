import { createEventFactory } from '../../src/domain/event-factory.js';
import { createLiveWorkers } from '../../src/roles/orchestrator/live-workers.js';
import { createFakeClock } from '../cli/support/fake-clock.js';

const SILENT_MS = 15_000;
const BEAT_MS = SILENT_MS / 3;
const TOPIC = 'tasks.cert_agent';

const IDLE = {
  running: [],
  started_at: 0,
  blocked: [],
  spent: [],
  cap_reached: null,
  http_address: null,
  steps_done: 0,
  warnings: [],
  memory_bytes: 1,
  heap_used_bytes: 1,
  loop_delay_mean_ms: 0,
  loop_delay_p99_ms: 0,
  loop_delay_max_ms: 0,
};
const STOPPED = { status: 'stopped', container_id: null, health_check_url: null, error_message: null, metadata: {} };

function given() {
  const clock = createFakeClock();
  const live = createLiveWorkers(clock, SILENT_MS);
  const create = createEventFactory({ clock, ids: { uuid: () => crypto.randomUUID() } });
  const sign = (worker: string, role: 'worker' | 'orchestrator', partitions: readonly number[]) =>
    live.onSign(
      create({
        type: 'heartbeat',
        from: worker,
        payload: {
          worker_id: worker,
          role,
          agents: role === 'worker' ? ['cert_agent'] : [],
          partitions: partitions.map((partition) => ({ topic: TOPIC, partition })),
          ...IDLE,
        },
      }),
    );
  return {
    clock,
    live,
    heartbeats: (worker: string, partitions: readonly number[] = [0]) => sign(worker, 'worker', partitions),
    /** The orchestrator reads its own sign of life, as it does every few seconds while it listens. */
    listens: () => sign('orchestrator-1', 'orchestrator', []),
    stops: (worker: string) =>
      live.onSign(create({ type: 'service_stopped', from: worker, payload: { service_name: worker, ...STOPPED } })),
  };
}

describe('a worker', () => {
  test('that is silent while the orchestrator listens counts as gone after silentMs, since its last sign', () => {
    const { clock, live, heartbeats, listens } = given();
    clock.advance(1_000);
    heartbeats('w-1');
    const lastSignMs = clock.now();
    for (let interval = 0; interval < 2; interval += 1) {
      clock.advance(BEAT_MS);
      listens();
      expect(live.hasWorker('cert_agent')).toBe(true);
      expect(live.withoutWorkerSinceMs('cert_agent')).toBeNull();
    }
    clock.advance(BEAT_MS);
    listens();
    expect(live.hasWorker('cert_agent')).toBe(false);
    expect(live.withoutWorkerSinceMs('cert_agent')).toBe(lastSignMs);
    expect(live.holdersOf(TOPIC, 1)).toBeNull();
  });

  test('is not missed by an orchestrator that was busy for an hour and has its signs still to read', () => {
    const { clock, live, heartbeats, listens } = given();
    heartbeats('w-1');
    clock.advance(3_600_000);
    // Its own sign is the first that it reads: the worker's are behind it.
    listens();
    expect(live.hasWorker('cert_agent')).toBe(true);
    heartbeats('w-1');
    expect(live.hasWorker('cert_agent')).toBe(true);
  });

  test('counts as gone at once when it says that it stops, and is there again with its next sign', () => {
    const { clock, live, heartbeats, stops } = given();
    heartbeats('w-1');
    clock.advance(1_000);
    stops('w-1');
    expect(live.hasWorker('cert_agent')).toBe(false);
    expect(live.withoutWorkerSinceMs('cert_agent')).toBe(clock.now());
    heartbeats('w-1');
    expect(live.withoutWorkerSinceMs('cert_agent')).toBeNull();
  });
});

describe('an orchestrator', () => {
  test('has looked around after silentMs in which it listened, not after an hour in which it was busy', () => {
    const { clock, live, listens } = given();
    const beganMs = clock.now();
    clock.advance(3_600_000);
    expect(live.observedFullInterval()).toBe(false);
    expect(live.withoutWorkerSinceMs('cert_agent')).toBe(beganMs);
    for (let interval = 0; interval < 2; interval += 1) {
      clock.advance(BEAT_MS);
      listens();
    }
    expect(live.observedFullInterval()).toBe(true);
  });

  test('is no worker, and its sign is a moment to look at the workers again', () => {
    const { live, listens } = given();
    let looked = 0;
    live.subscribe(() => (looked += 1));
    listens();
    expect(looked).toBe(1);
    expect(live.hasWorker('cert_agent')).toBe(false);
  });
});

test("the holders of a topic's partitions are known only where each has one", () => {
  const { live, heartbeats } = given();
  heartbeats('w-1', [0]);
  expect(live.holdersOf(TOPIC, 2)).toBeNull();
  heartbeats('w-2', [1]);
  expect(live.holdersOf(TOPIC, 2)).toEqual(['w-1', 'w-2']);
});

import { silentLogger, type Logger } from '../../src/ports/logger.js';
import { createPartitionLog } from '../../src/swarm/partition-log.js';
import { createFakeClock } from '../cli/support/fake-clock.js';

function setUp() {
  const lines: string[] = [];
  const write = (level: string) => (fields: object, event: string) =>
    void lines.push(`${level} ${event} ${Object.values(fields).join(' ')}`);
  const logger: Logger = { ...silentLogger, info: write('info'), warn: write('warn') };
  const clock = createFakeClock();
  return { lines, clock, log: createPartitionLog(clock, logger) };
}

describe('what the log says of partitions', () => {
  test('is one line for each topic, however many partitions change at once', () => {
    const { lines, clock, log } = setUp();
    for (const partition of [0, 2, 1, 5, 3]) log.onChange('held', { topic: 'a', partition });
    for (const partition of [0, 1]) log.onChange('held', { topic: 'b', partition });
    expect(lines).toEqual([]);
    clock.advance(500);
    expect(lines).toEqual(['info partitions.held a 0-3,5 5', 'info partitions.held b 0-1 2']);
    clock.advance(10_000);
    expect(lines).toHaveLength(2);
    expect(clock.pendingTimers()).toBe(0);
  });

  test('tells what was handed over from what another process has claimed, with what is left', () => {
    const { lines, clock, log } = setUp();
    for (const partition of [0, 1, 2, 3]) log.onChange('held', { topic: 'a', partition });
    clock.advance(500);
    lines.length = 0;
    log.onChange('released', { topic: 'a', partition: 0 });
    log.onChange('released', { topic: 'a', partition: 1 });
    log.onChange('lost', { topic: 'a', partition: 3 });
    clock.advance(500);
    expect(lines).toEqual(['info partitions.released a 0-1 1', 'warn partitions.lost a 3 1']);
  });

  test('is written at once when the role has stopped, and no timer is left', () => {
    const { lines, clock, log } = setUp();
    log.onChange('held', { topic: 'a', partition: 7 });
    log.flush();
    expect(lines).toEqual(['info partitions.held a 7 1']);
    expect(clock.pendingTimers()).toBe(0);
  });
});

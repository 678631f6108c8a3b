import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '../../src');
/** The one place that splits delays which Node's timers do not hold. */
const CLOCK = 'telemetry/system-clock.ts';

/** A delay that is a number or a constant: the first argument of a socket's, the last of the others. */
const FIXED = /\([\d_]+,|(?:[\d_]+|\b[A-Z][A-Z_\d]+)\)$/;

/** Timers of Node with a delay that is no number in the source: it may be longer than 2^31 - 1 ms. */
function openTimers(source: string): readonly string[] {
  const calls = source.matchAll(/\b(?:setTimeout|setInterval|AbortSignal\.timeout)\(((?:[^()]|\([^()]*\))*)\)/g);
  return [...calls].map(([call]) => call).filter((call) => !FIXED.test(call));
}

test('a timer of Node gets a delay that is a number in the source; every other delay goes through the clock', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const found = files
    .filter((name) => name !== CLOCK)
    .flatMap((name) => openTimers(readFileSync(join(SOURCES, name), 'utf8')).map((call) => `${name}: ${call}`));
  expect(files).toContain(CLOCK);
  expect(found).toEqual([]);
});

test.each([
  ['setTimeout(callback, delayMs)', 1],
  ['setTimeout(() => go(), minutes * 60_000 + jitter())', 1],
  ['AbortSignal.timeout(limits.wholeMs)', 1],
  ['socket.setTimeout(1_000, () => socket.destroy())', 0],
  ['setInterval(() => beat(), INTERVAL_MS)', 0],
  ['AbortSignal.timeout(5_000)', 0],
])('%s is found so often: %i', (source, count) => {
  expect(openTimers(source)).toHaveLength(count);
});

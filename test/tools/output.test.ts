import { createHash } from 'node:crypto';
import { createHarness, removeTemporaryDirectories, type Harness } from './harness.js';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(removeTemporaryDirectories);

const LIMIT = 16 * 1024;

test('long output is truncated to head and tail within 16 KiB; the full output is readable in /outputs', async () => {
  const result = await harness.sh('seq 1 100000');
  expect(Buffer.byteLength(result.observation)).toBeLessThanOrEqual(LIMIT);
  expect(result.stdout.startsWith('1\n2\n3\n')).toBe(true);
  expect(result.stdout.endsWith('\n99999\n100000\n')).toBe(true);
  const place = /\/outputs\/\S+\.stdout/.exec(result.stdout)?.[0] ?? '';
  expect(await harness.sh(`sed -n 50000p ${place}`)).toMatchObject({ stdout: '50000\n' });
  const read = await harness.call('workspace_read', { path: place, start_line: 70_000, end_line: 70_001 });
  expect(JSON.parse(read.observation)).toMatchObject({ content: '70000\n70001\n', total_lines: 100_000 });
});

test('the digest covers the whole output, stdout first', async () => {
  const result = await harness.sh('seq 1 20000; echo problem >&2');
  const whole = `${Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join('')}problem\n`;
  expect(result.outputDigest).toBe(createHash('sha256').update(whole).digest('hex'));
});

test('two long outputs share the limit; a short one leaves the rest of its half to the other', async () => {
  const both = await harness.sh('seq 1 50000; seq 1 50000 >&2');
  expect(Buffer.byteLength(both.observation)).toBeLessThanOrEqual(LIMIT);
  expect(both.stdout).toContain('50000\n');
  expect(both.stderr).toContain('50000\n');
  const one = await harness.sh('seq 1 50000; echo short >&2');
  expect(one.stderr).toBe('short\n');
  expect(one.stdout.length).toBeGreaterThan(LIMIT / 2);
});

test('multi-byte characters are never split', async () => {
  const result = await harness.sh(`node -e "process.stdout.write('x' + '€🦅'.repeat(20000))"`);
  expect(result.stdout).not.toContain('\uFFFD');
  expect(Buffer.byteLength(result.observation)).toBeLessThanOrEqual(LIMIT);
});

test('binary output becomes text within the limit', async () => {
  const result = await harness.sh('head -c 200000 /dev/urandom; printf "\\000\\033[2J"');
  expect(Buffer.byteLength(result.observation)).toBeLessThanOrEqual(LIMIT);
  expect(result.observation).not.toContain('\0');
});

test('the largest output that is read completely keeps both ends', async () => {
  const result = await harness.sh(`node -e "process.stdout.write('b' + 'x'.repeat(32766) + 'e')"`);
  expect(result.stdout.startsWith('bx')).toBe(true);
  expect(result.stdout.endsWith('xe')).toBe(true);
  expect(Buffer.byteLength(result.observation)).toBeLessThanOrEqual(LIMIT);
});

test('a long command leaves room for its output', async () => {
  const result = await harness.sh(`: ${'x'.repeat(50_000)}\nseq 1 5`);
  expect(result).toMatchObject({ outcome: 'ok', stdout: '1\n2\n3\n4\n5\n' });
  expect(Buffer.byteLength(result.observation)).toBeLessThanOrEqual(LIMIT);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from './cli.js';
import { FAULTS } from './faults/all.js';

describe('npm run chaos', () => {
  const written: string[] = [];
  const streams = [process.stdout, process.stderr];
  const write = streams.map((stream) => stream.write);
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'ravenhelm-no-jars-'));
    written.length = 0;
    for (const stream of streams) stream.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  });
  afterEach(async () => {
    streams.forEach((stream, index) => Object.assign(stream, { write: write[index] }));
    await rm(root, { recursive: true });
  });

  test('--list names every fault, what it does and how the swarm recovers', async () => {
    expect(await main(['--list'], root)).toBe(0);
    for (const { name, what, recovery } of FAULTS)
      expect(written.join('')).toMatch(new RegExp(`^${name} +${what}; ${recovery}$`.replaceAll(/[()]/g, '\\$&'), 'm'));
  });

  test('--help explains the flags and the exit codes', async () => {
    expect(await main(['--help'], root)).toBe(0);
    expect(written.join('')).toContain('Exit codes: 0 every promise was kept, 1 not, 2 wrong use');
  });

  test.each([
    [['--faults', 'gremlins'], 'no such fault: gremlins; there are kill-workers'],
    [['--minutes', 'three'], '--minutes is three; it must be a number'],
    [['--seed', '1.5'], '--seed is 1.5; it must be a whole number'],
    [['--session-timeout', '100'], 'it must be a number of at least 6000'],
    [['--sedd', '1'], "Unknown option '--sedd'"],
  ])('refuses %j with the reason', async (argv, reason) => {
    expect(await main(argv, root)).toBe(2);
    expect(written.join('')).toContain(reason);
  });

  test('says what to run where the brokers’ jars or Java are missing', async () => {
    expect(await main([], root)).toBe(3);
    expect(written.join('')).toContain('Run: npm run setup');
  });
});

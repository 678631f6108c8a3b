import { existsSync, readFileSync } from 'node:fs';

interface Instruction {
  readonly name: string;
  readonly words: readonly string[];
}

const instructions: readonly Instruction[] = readFileSync('Dockerfile', 'utf8')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .map((line) => {
    const [name = '', ...words] = line.trim().split(/\s+/);
    return { name, words };
  });
const stages = instructions.filter(({ name }) => name === 'FROM');
const last = instructions.slice(instructions.lastIndexOf(stages.at(-1) ?? instructions[0] ?? { name: '', words: [] }));

describe('Dockerfile', () => {
  test('has several stages on one pinned base, Node 24', () => {
    expect(stages.length).toBeGreaterThan(1);
    const names = stages.flatMap(({ words }) => words[2] ?? []);
    for (const { words } of stages) expect(['${NODE_IMAGE}', ...names]).toContain(words[0]);
    expect(last[0]?.words).toEqual(['${NODE_IMAGE}']); // the image itself has no compiler, no sources
    const declared = instructions.slice(0, instructions.indexOf(stages[0] ?? last[0] ?? { name: '', words: [] }));
    expect(declared).toHaveLength(1); // an argument above the first FROM is one for all of them
    expect(declared[0]?.name).toBe('ARG');
    expect(declared[0]?.words).toEqual([expect.stringMatching(/^NODE_IMAGE=node:24\.\d+\.\d+-bookworm-slim$/)]);
  });

  test('is built on the Node of .nvmrc', () => {
    const image = instructions.find(({ name }) => name === 'ARG')?.words[0];
    expect(image).toMatch(new RegExp(`^NODE_IMAGE=node:${readFileSync('.nvmrc', 'utf8').trim()}\\.`));
  });

  test('does not run as root', () => {
    const users = last.filter(({ name }) => name === 'USER').map(({ words }) => words[0]);
    expect(users.at(-1)).toBe('node');
    expect(last.findIndex(({ name }) => name === 'USER')).toBeGreaterThan(
      last.findLastIndex(({ name }) => name === 'RUN'),
    );
  });

  test('is healthy while its process is alive, by the endpoint that it opens', () => {
    expect(last.find(({ name }) => name === 'HEALTHCHECK')?.words.join(' ')).toContain(
      '["node", "bin/health.js", "livez"]',
    );
    expect(last.find(({ name }) => name === 'ENV')?.words).toContain('RAVENHELM_HTTP=127.0.0.1:9464');
  });

  test('has inside what the tools call', () => {
    const installed = last.filter(({ name }) => name === 'RUN').flatMap(({ words }) => words);
    for (const program of ['bubblewrap', 'perl-base', 'util-linux', 'openssl']) expect(installed).toContain(program);
  });

  test('says what bubblewrap needs of the container', () => {
    const text = readFileSync('Dockerfile', 'utf8');
    for (const need of ['seccomp', 'apparmor', 'systempaths', 'user namespace']) expect(text).toContain(need);
  });

  test('copies only files that the clone has', () => {
    const copies = instructions.filter(
      ({ name, words }) => name === 'COPY' && !words.some((word) => word.startsWith('--from')),
    );
    const sources = copies.flatMap(({ words }) => words.slice(0, -1));
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
  });

  test('the build context leaves out secrets, histories and what the image makes itself', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
    for (const name of ['.env', '.git', '.ravenhelm', 'node_modules', 'dist']) expect(ignored).toContain(name);
  });
});

import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openOperators } from '../../src/agent/open-operators.js';

describe('the operators file', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'ravenhelm-operators-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('is read, and its line says whose requests count', async () => {
    const file = join(dir, 'operators.yaml');
    const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const key = pem.split('\n').map((line) => `      ${line}`);
    writeFileSync(file, ['operators:', '  - name: ann', '    key: |', ...key].join('\n'));
    const { operators, line } = await openOperators(file);
    expect(operators.map(({ name }) => name)).toEqual(['ann']);
    expect(line).toBe(`Operators: ann (${file}); requests, answers and approvals must be signed`);
  });

  test('says that there must be four eyes', async () => {
    const file = join(dir, 'operators.yaml');
    const entry = (name: string) => {
      const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
      return `  - { name: ${name}, key: ${key} }\n`;
    };
    writeFileSync(file, `operators:\n${entry('ann')}${entry('bob')}four_eyes: true\n`);
    expect((await openOperators(file)).line).toContain('another operator than its requester approves a mission');
  });

  test.each([
    ['that does not exist', () => undefined, 'there is no such file'],
    ['that is no text', (file: string) => writeFileSync(file, Buffer.from([0xff, 0x00])), 'this is not a text file'],
  ])('%s is refused with its name and what to do', async (_, make, problem) => {
    const file = join(dir, 'operators.yaml');
    make(file);
    await expect(openOperators(file)).rejects.toMatchObject({
      problems: [{ file, message: expect.stringContaining(problem), fix: expect.stringContaining('--operators') }],
    });
  });

  test('that is a directory is refused with the system’s words', async () => {
    await expect(openOperators(dir)).rejects.toMatchObject({
      problems: [{ file: dir, message: expect.stringMatching(/^it cannot be read: /) }],
    });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPolicy } from '../../src/swarm/policy.js';

const WRONG = 'rules:\n  - {name: one, decision: deny, reason: not wanted, command: ls, matches: [cat], not: [rm]}\n';
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'policy-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('the examples of a named policy are tried, those of the built-in one on request only', async () => {
  const named = join(directory, 'policy.yaml');
  writeFileSync(named, WRONG);
  writeFileSync(join(directory, 'policy.default.yaml'), WRONG);
  await expect(openPolicy(named, directory)).rejects.toThrow(/the rule one does not match this example/);
  await expect(openPolicy(null, directory, true)).rejects.toThrow(/the rule one does not match this example/);
  expect((await openPolicy(null, directory)).rules).toHaveLength(1);
});

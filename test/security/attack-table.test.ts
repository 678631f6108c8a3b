/** Every given case is decided by a layer and shown by a test, and the docs say so. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { PROJECT, readPage } from '../docs/support/markdown.js';
import { testTitles } from './support/test-titles.js';

const FIXTURES = 'test/security/fixtures';
/** What the module makes of the fixtures, from a process: it is no part of the compiled program. */
function made(expression: string): unknown {
  const script =
    `import('./scripts/docs/attacks-page.mjs').then((m) => ` +
    `process.stdout.write(JSON.stringify(${expression.replaceAll('CASES', `m.attackCases('${FIXTURES}')`)})))`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: PROJECT, encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const caseSchema = z.object({
  id: z.string(),
  kind: z.string(),
  expect: z.enum(['denied', 'contained', 'error', 'redacted', 'allowed']),
  expected: z.string(),
  fixture: z.string(),
  layer: z.string(),
  mapped: z.string().nullable(),
  file: z.string().nullable(),
  test: z.string().nullable(),
  pending: z.string().nullable(),
});
const cases = z.array(caseSchema).parse(made('CASES'));
const layers = z.record(z.string(), z.string()).parse(made('m.LAYERS'));
const idsOf = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id);

test('176 cases are given, each once', () => {
  expect(cases).toHaveLength(176);
  expect(new Set(idsOf(cases)).size).toBe(176);
});

test('each case has the expectation that was given', () => {
  // What the policy denies is contained too.
  const fits = ({ expect: given, expected }: (typeof cases)[number]) =>
    expected === given || (expected === 'denied' && given === 'contained');
  expect(idsOf(cases.filter((one) => !fits(one)))).toEqual([]);
});

test('an attack has a layer that decides it, a harmless case has none', () => {
  const wrong = cases.filter(({ expect: end, layer }) => (end === 'allowed') !== (layer === 'none'));
  expect(idsOf(wrong)).toEqual([]);
  expect(cases.map(({ layer }) => layer).filter((layer) => layer !== 'none' && layers[layer] === undefined)).toEqual(
    [],
  );
});

test('a case of another design says what it is mapped to', () => {
  const foreign = cases.filter(({ kind, mapped }) => ['event', 'http'].includes(kind) && mapped === null);
  expect(idsOf(foreign)).toEqual([]);
});

test('a command that the policy judges is the given one, to the letter', () => {
  const given = z
    .array(z.object({ id: z.string(), input: z.unknown() }))
    .parse(JSON.parse(readFileSync(`${FIXTURES}/given-cases.json`, 'utf8')));
  const judged = z
    .array(z.object({ id: z.string(), command: z.string() }))
    .parse(JSON.parse(readFileSync(`${FIXTURES}/policy-attacks.json`, 'utf8')));
  const commandOf = (id: string) => judged.find((one) => one.id === id)?.command;
  const differ = given.filter(({ id, input }) => {
    const command = commandOf(id);
    return command !== undefined && typeof input === 'string' && command !== input;
  });
  expect(idsOf(differ)).toEqual([]);
});

test('the test that shows a case exists, by its whole title', () => {
  const shownElsewhere = cases.filter(({ fixture, pending }) => fixture === 'other' && pending === null);
  const missing = shownElsewhere.filter(
    ({ file, test: title }) =>
      file === null || title === null || !existsSync(file) || !testTitles(readFileSync(file, 'utf8')).includes(title),
  );
  expect(idsOf(missing)).toEqual([]);
});

test('docs/attack-cases.md and the table in docs/security.md are what npm run docs:attacks makes', () => {
  expect(readPage('docs/attack-cases.md')).toBe(made(`m.attacksPage('${FIXTURES}')`));
  expect(readPage('docs/security.md')).toContain(
    `<!-- table by class -->\n${String(made('m.attackTable(CASES)'))}\n<!-- end of the table -->`,
  );
});

for (const { id, pending } of cases) if (pending !== null) test.todo(`${id}: ${pending}`);

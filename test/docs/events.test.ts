import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, readPage } from './support/markdown.js';

test('docs/events.md is what npm run docs:events makes of the schemas', () => {
  const made = spawnSync(
    process.execPath,
    ['-e', "import('./scripts/docs/events-page.mjs').then((m) => process.stdout.write(m.eventsPage('schemas')))"],
    { cwd: PROJECT, encoding: 'utf8' },
  );
  expect(made.stderr).toBe('');
  expect(readPage('docs/events.md')).toBe(made.stdout);
});

test('docs/events.md has a section for every schema', () => {
  const types = readdirSync(join(PROJECT, 'schemas')).map((name) => name.replace('.avsc', '').replaceAll('-', '_'));
  const page = readPage('docs/events.md');
  expect(types.filter((type) => !page.includes(`\n## ${type}\n`))).toEqual([]);
});

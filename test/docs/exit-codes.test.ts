import { EXIT_MEANINGS } from '../../src/cli/exit-codes.js';
import { readPage } from './support/markdown.js';

test('the table of docs/cli.md is the exit codes', () => {
  const rows = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `| ${code} | ${meaning} |`);
  expect(readPage('docs/cli.md')).toContain(`| code | meaning |\n|---|---|\n${rows.join('\n')}\n\n`);
});

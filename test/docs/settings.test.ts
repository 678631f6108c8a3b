import { SETTINGS, SETTING_NAMES } from '../../src/cli/settings.js';
import { readPage } from './support/markdown.js';

test('the table of docs/configuration.md is the settings', () => {
  const code = (text: string | null | undefined): string => (text == null ? '' : `\`${text.replaceAll('|', '\\|')}\``);
  const rows = SETTING_NAMES.map((name) => {
    const { flag, default: standard, doc } = SETTINGS[name];
    return `| \`${name}\` | ${code(flag)} | ${code(standard)} | ${doc} |`;
  });
  expect(readPage('docs/configuration.md')).toContain(`|---|---|---|---|\n${rows.join('\n')}\n\n`);
});

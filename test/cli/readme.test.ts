import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMissionFile } from '../../src/agent/mission-file.js';
import { loadRoster } from '../../src/agent/roster.js';
import { SETTINGS, SETTING_NAMES } from '../../src/cli/settings.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(project, 'README.md'), 'utf8');
const block = (language: string, containing: string): string => {
  const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter(
    ([, name, text]) => name === language && text?.includes(containing),
  );
  const text = blocks[0]?.[2];
  if (text === undefined) throw new Error(`README has no ${language} block with ${containing}`);
  return text;
};

describe('README', () => {
  test('its agent and its mission are sound', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ravenhelm-readme-'));
    try {
      writeFileSync(join(dir, 'backup_agent.md'), block('markdown', 'name: backup_agent'));
      const database = readFileSync(join(project, 'agents/database_agent.md'), 'utf8');
      writeFileSync(join(dir, 'database_agent.md'), database);
      const roster = await loadRoster(dir, { tools: TOOL_DEFINITIONS.map((tool) => tool.name) });
      expect(roster.names).toEqual(['database_agent', 'backup_agent']);
      const mission = parseMissionFile(block('yaml', 'name: nightly-backup'), 'README.md', roster);
      expect(mission.plan?.waves[0]?.tasks[0]).toMatchObject({ agent: 'backup_agent', playbook: 'nightly' });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('its configuration table is the settings', () => {
    const rows = SETTING_NAMES.map((name) => {
      const { flag, default: standard, doc } = SETTINGS[name];
      return `| \`${name}\` | ${flag === undefined ? '' : `\`${flag.replace('|', '\\|')}\``} | ${standard === null ? '' : `\`${standard}\``} | ${doc} |`;
    });
    expect(readme).toContain(rows.join('\n'));
  });
});

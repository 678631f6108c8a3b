import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { loadRoster } from '../../src/agent/roster.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { blockOf, readPage } from './support/markdown.js';

describe('the example agent and mission', () => {
  test.each([
    ['README.md', 'README.md'],
    ['docs/agents.md', 'docs/missions.md'],
  ])('of %s and %s are valid', async (agentPage, missionPage) => {
    const dir = mkdtempSync(join(tmpdir(), 'ravenhelm-docs-'));
    try {
      writeFileSync(join(dir, 'backup_agent.md'), blockOf(agentPage, 'markdown', 'name: backup_agent'));
      writeFileSync(join(dir, 'database_agent.md'), readPage('agents/database_agent.md'));
      const roster = await loadRoster(dir, { tools: TOOL_DEFINITIONS.map((tool) => tool.name) });
      expect(roster.names).toEqual(['database_agent', 'backup_agent']);
      const mission = parseMissionFile(blockOf(missionPage, 'yaml', 'name: nightly-backup'), missionPage, roster);
      expect(mission.plan?.waves[0]?.tasks[0]).toMatchObject({ agent: 'backup_agent', playbook: 'nightly' });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('README', () => {
  const lines = readPage('README.md').trimEnd().split('\n');

  test('has at most 150 lines', () => {
    expect(lines.length).toBeLessThanOrEqual(150);
  });

  test('opens with the two commands', () => {
    expect(lines.slice(0, 5)).toEqual([
      '# Ravenhelm swarm',
      '',
      '```sh',
      expect.stringMatching(/^npm run setup && npm start /),
      expect.stringMatching(/^npm run setup && npm test /),
    ]);
  });
});

test('the program in README is examples/embed.mjs', () => {
  const program = readPage('examples/embed.mjs').replace(/^\/\/.*\n/, '');
  expect(blockOf('README.md', 'js', 'createSwarm').trim()).toBe(program.trim());
});

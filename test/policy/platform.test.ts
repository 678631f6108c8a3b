/** The default policy lets the project's own missions run without a question. */
import { readFileSync } from 'node:fs';
import { loadRoster } from '../../src/agent/roster.js';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { parsePolicy } from '../../src/policy/policy-file.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';

const { policy } = parsePolicy(readFileSync('policy.default.yaml', 'utf8'), 'policy.default.yaml');
const roster = await loadRoster('agents', { tools: TOOL_DEFINITIONS.map(({ name }) => name) });

const playbookCommands = roster.agents.flatMap((agent) =>
  Object.values(agent.playbooks).flatMap(({ steps, acceptance }) => [
    ...steps.flatMap(({ name, command, unless }) => [
      { agent: agent.name, name, command },
      ...(unless === null ? [] : [{ agent: agent.name, name: `${name}, unless`, command: unless }]),
    ]),
    ...acceptance.map(({ name, command }) => ({ agent: agent.name, name, command })),
  ]),
);

test.each(playbookCommands)('$agent: $name', ({ agent, command }) => {
  expect(policy.judgeCommand(agent, command)).toMatchObject({ decision: 'allow' });
});

test.each(playbookCommands)('$agent: $name, of a task that has read untrusted content', ({ agent, command }) => {
  expect(policy.judgeCommand(agent, command, { tainted: true })).toMatchObject({ decision: 'allow' });
});

test.each(['hello', 'ravenhelm-platform'])('the checks of missions/%s.yaml', (name) => {
  const mission = parseMissionFile(readFileSync(`missions/${name}.yaml`, 'utf8'), `${name}.yaml`, roster);
  const checks = [
    ...mission.success,
    ...(mission.plan?.waves ?? []).flatMap((wave) => wave.tasks.flatMap(({ acceptance }) => acceptance)),
  ];
  expect(checks.length).toBeGreaterThan(0);
  for (const { command } of checks)
    for (const tainted of [false, true])
      expect(policy.judgeCommand('env_agent', command, { tainted })).toMatchObject({ decision: 'allow' });
});

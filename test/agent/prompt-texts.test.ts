import { systemText } from '../../src/agent/prompt-text.js';
import { estimateTokens } from '../../src/agent/tokens.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { loopTask } from './fakes.js';

const own = (text: string) => ({ ...loopTask(), agent: { ...loopTask().agent, prompt: text } });

test("the system text with all tools and permissions has at most 1,500 tokens without the agent's own", () => {
  const { agent, ...task } = own('');
  const allowed = {
    network: [{ host: 'registry.npmjs.org', port: 443, addresses: [] }],
    secrets: ['DEPLOY_TOKEN'],
    mounts: [{ path: '/srv/shared', mode: 'ro' as const }],
    docker: true,
  };
  const content = systemText({ ...task, agent: { ...agent, ...allowed } }, TOOL_DEFINITIONS);
  for (const part of ['# Network', '/run/secrets/DEPLOY_TOKEN', '/srv/shared', 'A container engine'])
    expect(content).toContain(part);
  expect(estimateTokens([{ role: 'system', content }])).toBeLessThanOrEqual(1_500);
});

test('an agent with the most hosts, secrets and mounts has each name once, and not more of what is not its own', () => {
  const { agent, ...task } = own('');
  const many = {
    network: Array.from({ length: 64 }, (_, at) => ({ host: `h${at}.example`, port: 443, addresses: [] })),
    secrets: Array.from({ length: 100 }, (_, at) => `S_${at}_`),
    mounts: Array.from({ length: 100 }, (_, at) => ({ path: `/srv/m${at}_`, mode: 'ro' as const })),
    docker: true,
  };
  const names = [
    ...many.network.map(({ host }) => `${host}:443`),
    ...many.secrets.map((name) => `/run/secrets/${name}`),
    ...many.mounts.map(({ path }) => path),
  ];
  let content = systemText({ ...task, agent: { ...agent, ...many } }, TOOL_DEFINITIONS);
  for (const name of names) {
    expect(content.split(name)).toHaveLength(2);
    content = content.replace(name, '');
  }
  expect(estimateTokens([{ role: 'system', content: content.replaceAll(/(?:, )+/g, ', ') }])).toBeLessThanOrEqual(
    1_500,
  );
});

test('the system text names what the agent may reach, and nothing where it may reach nothing', () => {
  const network = [
    { host: 'a.example', port: 443, addresses: [] },
    { host: '2001:db8::1', port: 5432, addresses: [] },
  ];
  const task = { ...loopTask(), agent: { ...loopTask().agent, network } };
  expect(systemText(task, [])).toContain('# Network\nYour commands can reach');
  expect(systemText(task, [])).toContain('no others: a.example:443, [2001:db8::1]:5432.');
  expect(systemText(loopTask(), [])).not.toContain('# Network');
});

test('the system text says by name which secrets and mounts the agent has, and nothing for one that has none', () => {
  const { agent, ...task } = own('I deploy.');
  const content = systemText(
    { ...task, agent: { ...agent, secrets: ['TOKEN', 'SIGNER'], mounts: [{ path: '/srv/a', mode: 'ro' }] } },
    [],
  );
  expect(content).toContain(
    'one in each file: /run/secrets/TOKEN, /run/secrets/SIGNER. A command reads the file itself',
  );
  expect(content).toContain('Outside of the workspace, to read: /srv/a.');
  expect(systemText({ ...task, agent: { ...agent, docker: true } }, [])).toContain('A container engine, by docker');
  expect(systemText({ ...task, agent }, [])).not.toMatch(/secrets, one|may use/i);
});

test("each tool's description has a good call, which the tool takes", () => {
  for (const { name, description, validate } of TOOL_DEFINITIONS) {
    const call = /A good call [^{]*: (\{.*?\})/.exec(description)?.[1] ?? 'none';
    expect([name, validate(JSON.parse(call))]).toEqual([name, null]);
  }
});

import { createLiveAgents } from '../../src/agent/live-agents.js';
import { createAgentSettings } from '../../src/roles/orchestrator/agent-settings.js';
import { agentSpec } from '../support/role-swarm.js';

const check = (command: string) => ({ name: command, command });
const writer = (digest: string, command: string, changes: readonly string[]) =>
  agentSpec('env_agent', {
    digest,
    playbooks: { encrypt: { name: 'encrypt', steps: [], acceptance: [check(command)], changes } },
  });
const other = agentSpec('cert_agent');

test('what playbooks of earlier revisions write counts while attempts of theirs may run, each once', () => {
  const agents = createLiveAgents([writer('1', 'test -f a', ['x'])]);
  const settings = createAgentSettings(agents);
  expect(settings.playbookWrites('env_agent', 'encrypt')).toEqual({ acceptance: [check('test -f a')], changes: ['x'] });
  agents.set([writer('2', 'test -f b', ['x', 'y'])]);
  settings.onAgentsChanged();
  agents.set([writer('3', 'test -f b', ['y'])]);
  const both = { acceptance: [check('test -f a'), check('test -f b')], changes: ['x', 'y'] };
  expect(settings.playbookWrites('env_agent', 'encrypt')).toEqual(both);
  expect(settings.revisionOf('env_agent', 'encrypt')).toMatchObject({
    digest: '3',
    playbookAcceptance: [check('test -f b')],
  });
});

test('an agent that was removed may still write what its playbooks wrote, and has no revision for new attempts', () => {
  const agents = createLiveAgents([writer('1', 'test -f a', ['x']), other]);
  const settings = createAgentSettings(agents);
  agents.set([other]);
  // Asked first after the change: what was in force before counts all the same.
  expect(settings.playbookWrites('env_agent', 'encrypt')).toEqual({ acceptance: [check('test -f a')], changes: ['x'] });
  expect(settings.revisionOf('env_agent', 'encrypt')).toEqual({ digest: null, playbookAcceptance: null });
  expect(settings.playbookWrites('env_agent', 'another')).toEqual({ acceptance: [], changes: [] });
});

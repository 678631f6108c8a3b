import { stackText } from '../../src/cli/actions/stack.js';
import type { StackStatus } from '../../src/local/local-stack.js';

const DOWN: StackStatus = {
  state: 'down',
  kind: null,
  brokers: ['localhost:19092'],
  registryUrl: 'http://localhost:18081',
  services: [],
  dataDir: '/srv/mine/.ravenhelm/stack',
  conflicts: [],
};

describe('the local stack for people', () => {
  test('one that is down says how to start it', () => {
    expect(stackText(DOWN)).toBe(
      'the local stack is down; npx ravenhelm stack up starts it\ndata: /srv/mine/.ravenhelm/stack\n',
    );
  });

  test('one that is half up says which service runs and which does not', () => {
    const half = { port: 1, log: null };
    const services = [
      { ...half, name: 'broker', answering: true, pid: 4711 },
      { ...half, name: 'registry', answering: false, pid: null },
    ] as const;
    expect(stackText({ ...DOWN, state: 'partly', kind: 'java', services })).toMatch(
      new RegExp(
        '^the local stack is only partly up: the broker answers, the registry does not run; ' +
          'npx ravenhelm stack up starts what is missing\n',
      ),
    );
  });

  test('ports that another clone holds: that clone, and how to stop or share its stack', () => {
    const shown = stackText({
      ...DOWN,
      conflicts: [{ port: 19092, pid: 4711, command: 'java kafka', cloneDir: '/srv/other' }],
    });
    expect(shown).toContain('/srv/other uses port 19092 (pid 4711)');
    expect(shown).toContain('cd /srv/other && npx ravenhelm stack down');
    expect(shown).toContain('set KAFKA_BROKERS and SCHEMA_REGISTRY_URL');
    expect(shown).not.toContain('stack up starts it');
  });

  test('ports that a foreign program holds: its pid and command', () => {
    const shown = stackText({
      ...DOWN,
      conflicts: [{ port: 18081, pid: 4711, command: 'python3 -m http.server', cloneDir: null }],
    });
    expect(shown).toContain('port 18081 is used by pid 4711 (python3 -m http.server)');
  });
});

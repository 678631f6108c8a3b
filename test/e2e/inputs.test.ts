/** A mission with inputs on a real broker: what its commands get, what the log has, and what retry carries. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithBroker } from '../support/broker.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';
import { is } from '../support/is-event.js';

const AGENT = `---
name: site_agent
description: Writes a site.
phase: 1
depends_on: []
tools: [execute_terminal_command]
secrets: [SITE_TOKEN]
concurrency: 2
timeout_seconds: 60
max_steps: 20
playbooks:
  site:
    steps:
      - { name: write, command: 'printf "%s %s" "$INPUT_DOMAIN" "$INPUT_PORT" > site.txt' }
      - { name: measure, command: 'wc -c < "$INPUT_TOKEN_FILE" > bytes.txt; cat "$INPUT_TOKEN_FILE"' }
    changes: [site.txt, bytes.txt]
    acceptance:
      - { name: written, command: '[ "$(cat site.txt)" = "$INPUT_DOMAIN $INPUT_PORT" ] && test -s bytes.txt' }
---
You write a site.
`;

const mission = (more = '') => `
name: site
brief: Serve \${{ inputs.domain }} on \${{ inputs.port }}.
retries: 0
budget: { minutes: 5 }
inputs:
  - { name: domain }
  - { name: port, type: number, default: 80 }
  - { name: token, type: secret, default: SITE_TOKEN }
${more}plan:
  waves:
    - tasks: [{ agent: site_agent, description: 'Write \${{ inputs.domain }}.', playbook: site }]
success:
  - { name: small port, command: 'test "$INPUT_PORT" -lt 1024' }
`;

const TOKEN = 'canary-of-the-site-5d1f';

describeWithBroker('inputs', () => {
  let swarm: SwarmProcesses;
  beforeEach(async () => {
    swarm = await createSwarmProcesses({
      agents: { site_agent: AGENT },
      mission: mission(),
      env: { SITE_TOKEN: TOKEN },
    });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(['site_agent']);
    swarm.start('--role', 'orchestrator');
    swarm.start('--role', 'worker');
    await swarm.until(() => swarm.events.some(is('service_ready')) || undefined);
  }, 60_000);
  afterEach(() => swarm.close());

  const reportOf = async (...words: string[]) => {
    const { code, stdout, stderr } = await swarm.run(...words, '--json');
    if (stdout === '') throw new Error(`${words.join(' ')} ends with ${code}: ${stderr}`);
    return { code, report: JSON.parse(stdout) };
  };
  const siteOf = (report: { workspace: string }) => readFile(join(report.workspace, 'site.txt'), 'utf8');

  test('commands have them, events what ran, and no event the secret; retry carries them', async () => {
    const missing = await swarm.run('submit', 'mission.yaml');
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('--set domain=…') });
    expect(swarm.events.filter(is('mission_requested'))).toEqual([]);

    const domain = 'a"b\n$(c)';
    const first = await reportOf('submit', 'mission.yaml', '--wait', '--set', `domain=${domain}`, '--set', 'port=8080');
    expect([first.code, first.report.status]).toEqual([1, 'failed']); // the port is not small
    expect(await siteOf(first.report)).toBe(`${domain} 8080`);
    expect(await readFile(join(first.report.workspace, 'bytes.txt'), 'utf8')).toBe(`${TOKEN.length}\n`);
    expect(swarm.events.filter(is('mission_requested')).map(({ payload }) => payload)).toMatchObject([
      {
        brief: `Serve ${domain} on 8080.`,
        requires: ['inputs'],
        inputs: [{ value: domain }, { value: '8080' }, { name: 'token', type: 'secret', value: 'SITE_TOKEN' }],
      },
    ]);
    const assigned = swarm.events.filter(is('task_assigned')).map(({ payload }) => payload);
    expect(assigned.length).toBeGreaterThan(0);
    for (const { requires, mission_inputs } of assigned)
      expect([requires, mission_inputs.length]).toEqual([['inputs'], 3]);
    expect(JSON.stringify(swarm.events)).not.toContain(TOKEN);
    expect(JSON.stringify(swarm.events)).toContain('[redacted: configured secret]');

    const again = await reportOf('retry', first.report.mission_id, '--wait');
    expect([again.code, again.report.inputs]).toEqual([1, first.report.inputs]);

    await writeFile(join(swarm.dir, 'changed.yaml'), mission('  - { name: zone, default: north }\n'));
    const changed = await reportOf(
      ...['retry', again.report.mission_id, 'site_agent', '--edit', 'changed.yaml', '--wait', '--set', 'port=443'],
    );
    expect([changed.code, changed.report.status]).toEqual([0, 'completed']);
    expect(await siteOf(changed.report)).toBe(`${domain} 443`);
    const values = changed.report.inputs.map(({ value }: { value: string }) => value);
    expect(values).toEqual([domain, '443', 'SITE_TOKEN', 'north']);
  }, 240_000);
});

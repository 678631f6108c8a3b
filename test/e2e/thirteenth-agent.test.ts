import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWithBroker } from '../support/broker.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

const agentsDir = fileURLToPath(new URL('../../agents', import.meta.url));

const backupAgent = `---
name: backup_agent
description: Writes the backup script.
phase: 2
depends_on: [database_agent]
tools: [execute_terminal_command]
concurrency: 1
timeout_seconds: 60
max_steps: 10
playbooks:
  nightly:
    steps:
      - name: write the script
        command: "mkdir -p backup && echo 'pg_dump muninn' > backup/run.sh"
        unless: test -f backup/run.sh
    acceptance:
      - { name: the script parses, command: sh -n backup/run.sh }
---
You answer for backups.
`;

const mission = `
name: nightly-backup
brief: Back up every night.
agents: [backup_agent]
planner: order
`;

describeWithBroker('a thirteenth agent', () => {
  let swarm: SwarmProcesses;
  afterEach(() => swarm.close());

  test('needs one file: it gets its topic, is planned and does its work beside the twelve', async () => {
    const files = (await readdir(agentsDir)).filter((name) => name.endsWith('_agent.md'));
    expect(files).toHaveLength(12);
    const twelve = await Promise.all(
      files.map(async (file) => [basename(file, '.md'), await readFile(join(agentsDir, file), 'utf8')] as const),
    );
    swarm = await createSwarmProcesses({
      agents: { ...Object.fromEntries(twelve), backup_agent: backupAgent },
      mission,
    });

    const { code, stdout } = await swarm.run('run', 'mission.yaml', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).tasks).toMatchObject([
      { task_id: 'deploy-backup_agent-wave1', agent: 'backup_agent', status: 'verified' },
    ]);
    await swarm.watch(['backup_agent']);
    await swarm.until(() => swarm.events.find((event) => event.event_type === 'tool_called'));
  }, 120_000);
});

/** Secrets are planted wherever a swarm meets them; afterwards all that it has written is searched for them. */
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { describeWithBroker } from '../support/broker.js';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import { freePorts } from '../support/start-broker.mjs';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

const letters = 'aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0z';
/** Each with another end, so that a find says where it was planted. */
const token = (beginning: string, place: string): string => `${beginning}${letters}${place}`;
const PLANTED = {
  environment: `canary-environment-${letters}`,
  modelAddress: `canary-address-${letters}`,
  agentSecret: `canary-agent-${letters}`,
  secretFile: `canary-secret-file-${letters}`,
  brokerSetting: `canary-registry-${letters}`,
  briefValue: `canary-brief-${letters}`,
  file: token('ghp_', 'FILE'),
  fileKey: `MIIcanary${letters}KEY`,
  output: token('glpat-', 'OUTPUT'),
  reply: token('npm_', 'REPLY'),
  refusedReply: token('hf_', 'REFUSED'),
  summary: token('sk-ant-api03-', 'SUMMARY'),
};

const AGENT = `---
name: reader_agent
description: Reads.
phase: 1
tools: [execute_terminal_command, workspace_read, workspace_write, workspace_list]
secrets: [DEPLOY_PIN, SIGNER]
---
Read what is there.
`;
const MISSION = `name: canaries
brief: "Read the files. The password is ${PLANTED.briefValue}."
plan:
  waves:
    - tasks:
        - agent: reader_agent
          description: Read, with ${PLANTED.briefValue}.
          acceptance: [{ name: it is read, command: cat notes.txt; test -e read.txt }]
success: [{ name: all, command: cat notes.txt }]
`;
const command = (text: string) => ({ tool: 'execute_terminal_command', arguments: { command: text } });
const REPLIES: readonly (string | object)[] = [
  `no JSON, but ${PLANTED.refusedReply}`,
  { thought: `cat, with ${PLANTED.reply}`, action: command('cat notes.txt; echo gl""pat-"$0" >&2') },
  { thought: 'its own', action: command('cat /run/secrets/DEPLOY_PIN; tail -n 1 /run/secrets/SIGNER >&2') },
  { thought: 'read', action: { tool: 'workspace_read', arguments: { path: 'notes.txt' } } },
  { thought: 'use it', action: command(`echo ${PLANTED.reply} > read.txt`) },
  { thought: 'so', action: command(`printf 'gl%s\\n' '${PLANTED.output.slice(2)}'; touch read.txt`) },
  {
    thought: 'done',
    action: { finish: { summary: PLANTED.summary, outputs: [{ name: 'owner', value: PLANTED.summary }] } },
  },
];

describeWithBroker('secrets', () => {
  let server: FakeOllama;
  let swarm: SwarmProcesses;
  afterEach(async () => {
    await swarm.close();
    await server.close();
  });

  test('planted in settings, files, outputs and replies are in no topic, log, answer or file', async () => {
    const [port] = await freePorts(1);
    // Not below the swarm's directory, all of which is searched.
    const signer = join(await mkdtemp(join(tmpdir(), 'ravenhelm-canary-')), 'signer');
    await writeFile(signer, `signer of deployments\n${PLANTED.secretFile}\n`);
    const http = `127.0.0.1:${port}`;
    const answers: string[] = [];
    server = await startFakeOllama({
      async reply(_, index) {
        for (const path of ['livez', 'readyz', 'metrics'])
          answers.push(await (await fetch(`http://${http}/${path}`)).text());
        const reply = REPLIES[index] ?? REPLIES.at(-1) ?? '';
        return typeof reply === 'string' ? reply : JSON.stringify(reply);
      },
      models: ['canary'],
    });
    swarm = await createSwarmProcesses({
      agents: { reader_agent: AGENT },
      mission: MISSION,
      env: {
        WORKER_MODELS: 'ollama:canary',
        OLLAMA_HOST: server.url.replace('://', `://user:${PLANTED.modelAddress}@`),
        SCHEMA_REGISTRY_USERNAME: 'user',
        SCHEMA_REGISTRY_PASSWORD: PLANTED.brokerSetting,
        CANARY_TOKEN: PLANTED.environment,
        // No variable whose name says that it is a secret.
        DEPLOY_PIN: PLANTED.agentSecret,
        SIGNER_FILE: signer,
        DATABASE_PASSWORD: PLANTED.briefValue,
        LOG_LEVEL: 'debug',
        RAVENHELM_HTTP: http,
      },
    });
    const workspace = join(swarm.dir, 'given');
    await swarm.run('init');
    await swarm.watch(['reader_agent']);
    const key = `-----BEGIN PRIVATE KEY-----\n${PLANTED.fileKey}\n-----END PRIVATE KEY-----\n`;
    await mkdirWith(workspace, 'notes.txt', `${PLANTED.file} ${PLANTED.environment}\n${key}`);

    const run = await swarm.run('run', join(swarm.dir, 'mission.yaml'), '--workspace', workspace, '--json');
    expect(JSON.parse(run.stdout)).toMatchObject({ status: 'completed', tasks: [{ status: 'verified' }, {}] });
    const { mission_id: id }: { mission_id: string } = JSON.parse(run.stdout);
    const shown = await swarm.run('show', id, '--prompt');
    const status = await swarm.run('status', id, '--json');
    const config = await swarm.run('config', 'show');
    await swarm.until(() => swarm.events.find(({ event_type }) => event_type === 'mission_completed'));
    // The call with a secret in it was stopped, and the model read why.
    expect(swarm.events).toContainEqual(
      expect.objectContaining({ payload: expect.objectContaining({ decision: 'deny', rule: 'secret-in-call' }) }),
    );
    expect(JSON.stringify(server.requests)).toContain('let the command read it where it is stored');

    const places: Record<string, string> = {
      topics: Buffer.concat(swarm.values.map((value) => Buffer.from(value))).toString('latin1'),
      'HTTP answers': answers.join('\n'),
      prompts: JSON.stringify(server.requests),
      ...Object.fromEntries(
        Object.entries({ run, shown, status, config }).flatMap(([name, { stdout, stderr }]) => [
          [`${name}, stdout`, stdout],
          [`${name}, stderr`, stderr],
        ]),
      ),
      ...(await filesOf(swarm.dir)),
    };
    expect(places['topics']).toContain('[redacted: github token]');
    expect(places['prompts']).toContain('/run/secrets/DEPLOY_PIN, /run/secrets/SIGNER');
    expect(places['prompts']).toContain('[redacted: configured secret]');
    expect(places['run, stderr']).toContain('"level":"debug"');
    expect(places['shown, stdout']).toContain('[redacted: private key]');
    const found = Object.entries(places).flatMap(([place, text]) =>
      Object.entries(PLANTED).flatMap(([name, secret]) => (text.includes(secret) ? [`${name} in ${place}`] : [])),
    );
    expect(found).toEqual([]);
    await rm(dirname(signer), { recursive: true });
  });

  test('in a mission file by their form are refused with the line', async () => {
    server = await startFakeOllama({ reply: () => '' });
    swarm = await createSwarmProcesses({
      agents: { reader_agent: AGENT },
      mission: MISSION.replace('cat notes.txt; test', `curl https://me:${letters}@host/; test`),
    });
    const { code, stdout, stderr } = await swarm.run('run', join(swarm.dir, 'mission.yaml'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('mission.yaml:8:');
    expect(stderr).toContain('it has a secret (password), and everybody who may read the log would see it');
    expect(stderr).not.toContain(letters);
  });
});

async function mkdirWith(directory: string, name: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, name), text);
  if (process.getuid?.() !== 0) return;
  for (const path of [directory, join(directory, name)]) await chown(path, SANDBOX_ACCOUNT.uid, SANDBOX_ACCOUNT.gid);
}

/**
 * All files below a directory by name, without what was planted here by the test, and whole outputs of commands: those
 * are the workspace's own, readable for its owner only.
 */
async function filesOf(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !/\.(?:stdout|stderr)$|^notes\.txt$|^mission\.yaml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file.slice(directory.length + 1), await readFile(file, 'latin1')])),
  );
}

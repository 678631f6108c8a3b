/** Every number that people set, at both ends of its range and beyond, where it is written. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { readAgentFile } from '../../src/agent/agent-file.js';
import { ConfigError } from '../../src/agent/config-error.js';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { createRoster } from '../../src/agent/roster.js';
import { parseTopicPlan } from '../../src/avro/topic-plan.js';
import { register as workspace } from '../../src/cli/commands/workspace.js';
import { numberArgument } from '../../src/cli/number-argument.js';
import { settingsSchema, type SettingName } from '../../src/cli/settings.js';
import { createClient } from '../../src/client/create-client.js';
import { DEFAULT_LIMITS, LIMIT_KEYS } from '../../src/domain/limits.js';
import { RANGES, rangeText, type RangeName } from '../../src/domain/ranges.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { parseCatalog } from '../../src/models/catalog.js';
import { LONGEST_FIRST_TOKEN_MS } from '../../src/models/ollama.js';
import { createSwarm } from '../../src/swarm/create-swarm.js';
import { kafkaLog, memoryLog } from '../../src/swarm/logs.js';
import { agentSpec } from '../agent/fakes.js';

const roster = createRoster([agentSpec]);
const [topics, models] = await Promise.all([readFile('topics.yaml', 'utf8'), readFile('models.yaml', 'utf8')]);

/** Reads the number where it is written: resolves or returns when it is allowed, else fails with where and why. */
type Reads = (value: number) => unknown;
interface Place {
  readonly read: Reads;
  /** What an error names: file, line and column, or the setting or option. */
  readonly named: RegExp;
}

const mission = (...lines: readonly string[]) =>
  parseMissionFile(['name: m', 'brief: b', ...lines].join('\n'), 'm.yaml', roster);
const task = (value: number) =>
  mission(
    `plan: { waves: [{ tasks: [{ agent: ${agentSpec.name}, description: d,`,
    `  timeout_seconds: ${value} }] }] }`,
  );

function agent(key: string): (value: number | string) => void {
  return (value) => {
    const matter = { name: 'a', description: 'd', phase: 1, tools: '[run]', [key]: value };
    const lines = Object.entries(matter).map(([name, each]) => `${name}: ${each}`);
    const { problems } = readAgentFile({ text: ['---', ...lines, '---', 'You.'].join('\n'), digest: '' }, 'a.md', [
      'run',
    ]);
    if (problems.length > 0) throw new ConfigError(problems);
  };
}

/** Of an agent's file and of a mission's, which share the rule. */
const limit = (key: string): Place => ({
  read(value) {
    mission('limits:', `  ${key}: ${value}`);
    agent('limits')(`{ ${key}: ${value} }`);
  },
  named: new RegExp(String.raw`^m\.yaml:4:3: "limits\.${key}"`),
});

/** The number of the first such key in a file of the package, replaced. */
const replaced = (text: string, key: RegExp, value: number) => {
  expect(text).toMatch(key);
  return text.replace(key, `$1${value}`);
};
const topic = (key: RegExp) => (value: number) =>
  parseTopicPlan('topics.yaml', replaced(topics, key, value), createTopicNames(), ['a']);
const model = (key: RegExp) => (value: number) => parseCatalog(replaced(models, key, value), 'models.yaml');

function setting(name: SettingName, write: (value: number) => string = String): Reads {
  return (value) => {
    const parsed = settingsSchema.shape[name].safeParse(write(value));
    if (!parsed.success) throw new Error(name);
  };
}

const argument = (name: RangeName) => (value: number) =>
  new Command()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .argument('<number>', 'n', (text) => numberArgument(name, text))
    .parse([String(value)], { from: 'user' });

function olderThan(value: number): void {
  const program = new Command();
  workspace(program, () => undefined);
  const quiet = { writeErr: () => undefined };
  const prune = program.commands[0]?.commands[0]?.exitOverride().configureOutput(quiet);
  for (const unit of ['m', 'h', 'd']) prune?.parse([`--older-than=${value}${unit}`], { from: 'user' });
}

/** Ends before anything is opened: another option is wrong, and would be named when this one is not. */
const swarm = (drainMs: number) =>
  createSwarm({ log: memoryLog(), agents: [agentSpec], serves: ['unknown'], drainMs }).catch((error: Error) => {
    if (!/createSwarm: serves/.test(error.message)) throw error;
  });
const kafka = (sessionTimeoutMs: number) =>
  kafkaLog({ brokers: ['127.0.0.1:1'], registryUrl: 'http://127.0.0.1:1', sessionTimeoutMs }).catch((error: Error) => {
    if (!/No Kafka broker|127\.0\.0\.1:1/.test(error.message)) throw error;
  });
async function processes(timeoutMs: number): Promise<void> {
  const stop = AbortSignal.abort(new Error('stopped'));
  const client = createClient({ log: memoryLog(), agents: [agentSpec], workspaceRoot: '/tmp', signal: stop });
  await client.processes({ timeoutMs }).catch((error: Error) => {
    if (/processes: timeoutMs/.test(error.message)) throw error;
  });
  await client.close();
}

const PLACES: Readonly<Record<RangeName, Place>> = {
  'mission retries': { read: (value) => mission(`retries: ${value}`), named: /^m\.yaml:3:1: "retries"/ },
  'mission budget.usd': {
    read: (value) => mission(`budget: { usd: ${value} }`),
    named: /^m\.yaml:3:11: "budget\.usd"/,
  },
  'mission budget.tokens': {
    read: (value) => mission(`budget: { tokens: ${value} }`),
    named: /^m\.yaml:3:11: "budget\.tokens"/,
  },
  'mission budget.minutes': {
    read: (value) => mission('budget:', `  minutes: ${value}`),
    named: /^m\.yaml:4:3: "budget\.minutes"/,
  },
  'task timeout_seconds': { read: task, named: /^m\.yaml:4:3: "plan\.waves\[0\]\.tasks\[0\]\.timeout_seconds"/ },
  'agent phase': { read: agent('phase'), named: /^a\.md:4:1: "phase"/ },
  'agent concurrency': { read: agent('concurrency'), named: /^a\.md:6:1: "concurrency"/ },
  'agent timeout_seconds': { read: agent('timeout_seconds'), named: /^a\.md:6:1: "timeout_seconds"/ },
  'agent max_steps': { read: agent('max_steps'), named: /^a\.md:6:1: "max_steps"/ },
  'limits wall_seconds': limit('wall_seconds'),
  'limits cpu_seconds': limit('cpu_seconds'),
  'limits memory_mb': limit('memory_mb'),
  'limits processes': limit('processes'),
  'limits open_files': limit('open_files'),
  'limits file_mb': limit('file_mb'),
  'limits tmp_mb': limit('tmp_mb'),
  'limits shm_mb': limit('shm_mb'),
  'limits output_mb': limit('output_mb'),
  'limits workspace_mb': limit('workspace_mb'),
  'limits workspace_files': limit('workspace_files'),
  'model context_tokens': {
    read: model(/(^[^#\n]*context_tokens: )\d+/m),
    named: /^models\.yaml:\d+:\d+: .*context_tokens/,
  },
  'model max_output_tokens': {
    read: model(/(^[^#\n]*max_output_tokens: )\d+/m),
    named: /^models\.yaml:\d+:\d+: .*max_output_tokens/,
  },
  'model thinking_tokens': {
    read: (value) =>
      parseCatalog(
        replaced(
          models.replaceAll(/^([^#\n]*context_tokens: )\d+/gm, `$1${RANGES['model context_tokens'].most}`),
          /(^[^#\n]*thinking_tokens: )\d+/m,
          value,
        ),
        'models.yaml',
      ),
    named: /^models\.yaml:\d+:\d+: .*thinking_tokens/,
  },
  'model price': { read: model(/(^[^#\n]*input: )[\d.]+/m), named: /^models\.yaml:\d+:\d+: .*input/ },
  'topic partitions': { read: topic(/(partitions: )\d+/), named: /^topics\.yaml:\d+:\d+: coordination\.partitions/ },
  'topic replication_factor': {
    read: topic(/(replication_factor: )auto/),
    named: /^topics\.yaml:\d+:\d+: coordination\.replication_factor/,
  },
  'topic max.message.bytes': {
    read: topic(/(max\.message\.bytes: )\d+/),
    named: /^topics\.yaml:\d+:\d+: coordination\.config\.max\.message\.bytes/,
  },
  'topic retention': {
    read: (value) =>
      parseTopicPlan('topics.yaml', topics.replace(/(retention: )[^#\n]+/, `$1${value}s `), createTopicNames(), ['a']),
    named: /^topics\.yaml:\d+:\d+: coordination\.retention/,
  },
  WORKSPACE_MIN_FREE_MB: { read: setting('WORKSPACE_MIN_FREE_MB'), named: /WORKSPACE_MIN_FREE_MB/ },
  WORKSPACE_SNAPSHOTS_MB: { read: setting('WORKSPACE_SNAPSHOTS_MB'), named: /WORKSPACE_SNAPSHOTS_MB/ },
  KAFKA_SESSION_TIMEOUT_MS: { read: setting('KAFKA_SESSION_TIMEOUT_MS'), named: /KAFKA_SESSION_TIMEOUT_MS/ },
  OLLAMA_FIRST_TOKEN_MS: { read: setting('OLLAMA_FIRST_TOKEN_MS'), named: /OLLAMA_FIRST_TOKEN_MS/ },
  RAVENHELM_APPROVAL_MINUTES: { read: setting('RAVENHELM_APPROVAL_MINUTES'), named: /RAVENHELM_APPROVAL_MINUTES/ },
  RAVENHELM_DAILY_USD: { read: setting('RAVENHELM_DAILY_USD'), named: /RAVENHELM_DAILY_USD/ },
  RAVENHELM_DAILY_TOKENS: { read: setting('RAVENHELM_DAILY_TOKENS'), named: /RAVENHELM_DAILY_TOKENS/ },
  'RAVENHELM_HTTP port': { read: setting('RAVENHELM_HTTP', (port) => `127.0.0.1:${port}`), named: /RAVENHELM_HTTP/ },
  'broker port': { read: setting('KAFKA_BROKERS', (port) => `localhost:${port}`), named: /KAFKA_BROKERS/ },
  'network port': {
    read: (port) => agent('network')(JSON.stringify([`registry.example.com:${port}`])),
    named: /^a\.md:6:\d+: "registry\.example\.com:/,
  },
  'show --attempt': { read: argument('show --attempt'), named: /number/ },
  'show --step': { read: argument('show --step'), named: /number/ },
  'workspace prune --older-than': { read: olderThan, named: /--older-than/ },
  'status --limit': { read: argument('status --limit'), named: /number/ },
  'diff --wave': { read: argument('diff --wave'), named: /number/ },
  'restore --wave': { read: argument('restore --wave'), named: /number/ },
  'recover partition': { read: argument('recover partition'), named: /number/ },
  'createSwarm drainMs': { read: swarm, named: /^createSwarm: drainMs/ },
  'kafkaLog sessionTimeoutMs': { read: kafka, named: /^kafkaLog: sessionTimeoutMs/ },
  'memoryLog maxRecordBytes': {
    read: (value) => memoryLog({ maxRecordBytes: value }),
    named: /^memoryLog: maxRecordBytes/,
  },
  'processes timeoutMs': { read: processes, named: /^processes: timeoutMs/ },
};

/** Beyond an end, as little as the number's kind allows and far; and what is no such number. */
function beyond(name: RangeName): readonly number[] {
  const { least, most, whole } = RANGES[name];
  const far = [-1, Number.MAX_SAFE_INTEGER * 8, 1e300, Infinity, Number.NaN];
  const near = whole ? [least - 1, most + 1, least + 0.5] : [least / 2 - 1e-9, most * 1.000_001];
  return [...near, ...far];
}

const names = Object.keys(PLACES) as RangeName[];

describe.each(names)('%s', (name) => {
  const { read, named } = PLACES[name];
  const { least, most } = RANGES[name];

  test.each([least, most])('may be %d', async (value) => {
    await read(value);
  });

  test.each(beyond(name))(`may not be %d; the error says where it stands`, async (value) => {
    const reading = (async () => read(value))();
    await expect(reading).rejects.toThrow(named);
  });
});

test.each(
  names.filter((name) =>
    /^(mission|task|agent|model|topic|show|recover|createSwarm|kafkaLog|memoryLog|processes) /.test(name),
  ),
)('the error of %s says its range', async (name) => {
  await expect((async () => PLACES[name].read(RANGES[name].most + 1))()).rejects.toThrow(rangeText(RANGES[name]));
});

test('each limit of a call says its range and its default, in a program too', async () => {
  const source = await readFile('src/agent/limit-settings.ts', 'utf8');
  for (const key of LIMIT_KEYS) {
    const { least, most } = RANGES[`limits ${key}`];
    const inPrograms = key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    expect(source).toContain(`: ${least} to ${most}. Default ${DEFAULT_LIMITS[key]}. */\n  readonly ${inPrograms}?:`);
  }
});

test('docs/configuration.md has every range', async () => {
  const page = await readFile('docs/configuration.md', 'utf8');
  for (const [name, range] of Object.entries(RANGES)) expect(page).toContain(`| ${name} | ${rangeText(range)} |`);
});

test("the limit of Ollama's first token is the adapter's own", () => {
  expect(RANGES.OLLAMA_FIRST_TOKEN_MS.most).toBe(LONGEST_FIRST_TOKEN_MS);
});

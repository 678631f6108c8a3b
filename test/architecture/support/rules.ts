/** Who may import whom, and who may touch the process, time and chance (docs/architecture.md, layers). */
import { posix } from 'node:path';
import { readSource } from './source-facts.js';

interface LayerRule {
  /** Folders of src that it may import besides itself. */
  readonly imports: readonly string[] | 'anything';
  /** Whether it may import packages and node's own modules. */
  readonly packages: boolean;
  /** Whether time and chance are passed in, so that a simulation can own both. */
  readonly deterministic: boolean;
  /** A folder that a later step adds: its rule is here already, its files need not be. */
  readonly later?: true;
}

const ADAPTER: LayerRule = { imports: ['domain', 'ports'], packages: true, deterministic: false };
const LOG_ADAPTER: LayerRule = { ...ADAPTER, imports: ['domain', 'ports', 'avro'] };
const ROLE: LayerRule = {
  imports: ['domain', 'agent', 'ports', 'roles/shared'],
  packages: false,
  deterministic: true,
};
const BELOW_SWARM = [
  'domain',
  'ports',
  'agent',
  'avro',
  'kafka',
  'kafka/reading',
  'kafka/batches',
  'kafka/compression',
  'memory',
  'nats',
  'models',
  'tools',
  'policy',
  'mcp',
  'telemetry',
  'local',
  'roles/shared',
  'roles/orchestrator',
  'roles/worker',
];

/** A thin user of swarm and client. It may name no log, tool or role: those come through swarm and client. */
const OF_CLI = [
  'domain',
  'ports',
  'swarm',
  'client',
  'agent', // mission and agent files, and what is wrong with one
  'local', // the stack command: its status and the ports that others hold
  'models', // what an Ollama address and its time limit may be: settings are checked before a model is opened
  'telemetry', // the log lines on stderr
];

/** By folder of src, the deepest that has a rule; main and index are src/main.ts and src/index.ts. */
export const LAYERS: Readonly<Record<string, LayerRule>> = {
  domain: { imports: [], packages: false, deterministic: true },
  ports: { imports: ['domain'], packages: false, deterministic: true },
  agent: { ...ADAPTER, deterministic: true },
  tools: ADAPTER,
  // With agent's reader of YAML files, whose problems have line and column.
  policy: { imports: ['domain', 'ports', 'agent'], packages: true, deterministic: true },
  mcp: { ...ADAPTER, later: true },
  models: ADAPTER,
  avro: ADAPTER,
  kafka: {
    ...LOG_ADAPTER,
    imports: [...LOG_ADAPTER.imports, 'kafka/reading', 'kafka/batches'],
  },
  // What the bytes of an answer hold, without a client.
  'kafka/batches': { imports: ['kafka/compression'], packages: true, deterministic: true },
  'kafka/compression': { imports: ['domain'], packages: true, deterministic: true },
  'kafka/reading': { imports: ['domain', 'ports'], packages: false, deterministic: true },
  nats: { ...LOG_ADAPTER, later: true },
  memory: ADAPTER,
  local: ADAPTER,
  // The ids of spans are those of the records' headers.
  telemetry: { ...ADAPTER, imports: ['domain', 'ports', 'avro'] },
  'roles/shared': { ...ROLE, imports: ['domain', 'agent', 'ports'] },
  'roles/orchestrator': ROLE,
  'roles/worker': ROLE,
  swarm: { imports: BELOW_SWARM, packages: true, deterministic: false },
  client: { imports: ['domain', 'ports', 'agent', 'tools', 'telemetry'], packages: true, deterministic: false },
  api: { imports: ['domain', 'ports', 'client'], packages: true, deterministic: false, later: true },
  dashboard: { imports: ['domain', 'ports', 'client'], packages: true, deterministic: false, later: true },
  index: { imports: [...BELOW_SWARM, 'swarm', 'client'], packages: false, deterministic: false },
  cli: { imports: OF_CLI, packages: true, deterministic: false },
  main: { imports: 'anything', packages: true, deterministic: false },
};

/** Packages that one layer keeps to itself, types included: what they get wrong is worked round in one place. */
const KEPT_BEHIND: Readonly<Record<string, string>> = {
  kafkajs: 'kafka',
  'ravenhelm-kafkajs': 'kafka',
  '@kafkajs/confluent-schema-registry': 'avro',
};

/** Only src/main.ts may use these; it passes on what others need. */
const PROCESS_OF_MAIN = [
  'argv',
  'argv0',
  'execArgv',
  'env',
  'exit',
  'exitCode',
  'abort',
  'on',
  'once',
  'addListener',
  'a computed member',
].map((member) => `process.${member}`);
/** NODE_ENV=production refuses a swarm without a sandbox, also in a program that embeds the library. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  'src/swarm/sandbox-required.ts': ['process.env'],
};
const TIME_AND_CHANCE = [
  'Date.now',
  'new Date()',
  'Math.random',
  'performance',
  'performance.now',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'crypto',
  'crypto.randomUUID',
];

/**
 * What a file does that its layer may not; one sentence each. path is relative to the project, such as
 * src/domain/plan.ts.
 */
export function violationsIn(path: string, text: string): readonly string[] {
  const layer = layerOf(path);
  const rule = LAYERS[layer];
  if (rule === undefined)
    return [`${path}: src/${layer} has no rule; say in test/architecture/support/rules.ts what it may import`];
  const { imports, globals } = readSource(text);
  const wrongGlobals = globals.filter(
    (name) =>
      layer !== 'main' &&
      EXCEPTIONS[path]?.includes(name) !== true &&
      (name === 'process' || name.startsWith('globalThis') || PROCESS_OF_MAIN.includes(name)),
  );
  const wrongTimes = rule.deterministic ? globals.filter((name) => TIME_AND_CHANCE.includes(name)) : [];
  return [
    ...imports.flatMap((specifier) => importViolation(path, layer, rule, specifier) ?? []),
    ...wrongGlobals.map((name) => `${path}: ${name} belongs to src/main.ts; pass in what is needed`),
    ...wrongTimes.map((name) => `${path}: ${name}; time and chance come in through src/ports/clock.ts`),
  ];
}

function importViolation(path: string, layer: string, rule: LayerRule, specifier: string): string | null {
  if (!specifier.startsWith('.')) {
    if (/^(node:)?process$/.test(specifier) && layer !== 'main')
      return `${path}: imports ${specifier}, which belongs to src/main.ts`;
    const [keeper] = Object.entries(KEPT_BEHIND).flatMap(([name, keptBy]) =>
      specifier === name || specifier.startsWith(`${name}/`) ? [keptBy] : [],
    );
    if (keeper !== undefined && keeper !== layer)
      return `${path}: imports ${specifier}, which is kept behind src/${keeper}`;
    return rule.packages ? null : `${path}: ${layer} imports the package ${specifier}; it imports none`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  const imported = target.startsWith('src/') ? layerOf(target) : target;
  if (imported === layer || (imported !== 'main' && (rule.imports === 'anything' || rule.imports.includes(imported))))
    return null;
  const allowed = rule.imports === 'anything' ? 'anything but main' : rule.imports.join(', ') || 'nothing';
  return `${path}: ${layer} imports ${imported} (${specifier}); it may import ${allowed}`;
}

/** The deepest folder of src that has a rule; a file that lies in src itself is its own layer. */
function layerOf(path: string): string {
  const [, first = '', second = ''] = path.replace(/\.[jt]s$/, '').split('/');
  return `${first}/${second}` in LAYERS ? `${first}/${second}` : first;
}

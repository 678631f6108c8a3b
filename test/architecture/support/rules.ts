/** Who may import whom, and who may touch the process, time and chance (design: layers). */
import { posix } from 'node:path';
import { readSource } from './source-facts.js';

interface LayerRule {
  /** Folders of src that it may import besides itself. */
  readonly imports: readonly string[] | 'anything';
  /** Whether it may import packages and node's own modules. */
  readonly packages: boolean;
  /** Whether it is told the time and gets its chance from outside, so that a simulation can own both. */
  readonly deterministic: boolean;
}

const ADAPTER: LayerRule = { imports: ['domain', 'ports'], packages: true, deterministic: false };

/** By folder of src; main is src/main.ts. */
export const LAYERS: Readonly<Record<string, LayerRule>> = {
  domain: { imports: [], packages: false, deterministic: true },
  ports: { imports: ['domain'], packages: false, deterministic: true },
  agent: { ...ADAPTER, deterministic: true },
  tools: ADAPTER,
  models: ADAPTER,
  kafka: ADAPTER,
  memory: ADAPTER,
  local: ADAPTER,
  telemetry: ADAPTER,
  roles: { imports: ['domain', 'agent', 'ports'], packages: false, deterministic: true },
  cli: { imports: 'anything', packages: true, deterministic: false },
  main: { imports: 'anything', packages: true, deterministic: false },
};

/** Packages that one layer keeps to itself, types included: what they get wrong is worked round in one place. */
const KEPT_BEHIND: Readonly<Record<string, string>> = { kafkajs: 'kafka', '@kafkajs/confluent-schema-registry': 'kafka' };

/** Of these only src/main.ts knows; everything else is told. */
const PROCESS_OF_MAIN = ['argv', 'argv0', 'execArgv', 'env', 'exit', 'exitCode', 'abort', 'on', 'once', 'addListener', 'a computed member'].map((member) => `process.${member}`);
const TIME_AND_CHANCE = ['Date.now', 'new Date()', 'Math.random', 'performance', 'performance.now', 'setTimeout', 'setInterval', 'setImmediate', 'crypto', 'crypto.randomUUID'];

/** What a file does that its layer may not; one sentence each. path is relative to the project, such as src/domain/plan.ts. */
export function violationsIn(path: string, text: string): readonly string[] {
  const layer = layerOf(path);
  const rule = LAYERS[layer];
  if (rule === undefined) return [`${path}: src/${layer} has no rule; say in test/architecture/support/rules.ts what it may import`];
  const { imports, globals } = readSource(text);
  const wrongGlobals = globals.filter((name) => layer !== 'main' && (name === 'process' || name.startsWith('globalThis') || PROCESS_OF_MAIN.includes(name)));
  const wrongTimes = rule.deterministic ? globals.filter((name) => TIME_AND_CHANCE.includes(name)) : [];
  return [
    ...imports.flatMap((specifier) => importViolation(path, layer, rule, specifier) ?? []),
    ...wrongGlobals.map((name) => `${path}: ${name} belongs to src/main.ts; pass in what is needed`),
    ...wrongTimes.map((name) => `${path}: ${name}; time and chance come in through src/ports/clock.ts`),
  ];
}

function importViolation(path: string, layer: string, rule: LayerRule, specifier: string): string | null {
  if (!specifier.startsWith('.')) {
    if (/^(node:)?process$/.test(specifier) && layer !== 'main') return `${path}: imports ${specifier}, which belongs to src/main.ts`;
    const [keeper] = Object.entries(KEPT_BEHIND).flatMap(([name, keptBy]) => (specifier === name || specifier.startsWith(`${name}/`) ? [keptBy] : []));
    if (keeper !== undefined && keeper !== layer) return `${path}: imports ${specifier}, which is kept behind src/${keeper}`;
    return rule.packages ? null : `${path}: ${layer} imports the package ${specifier}; it imports none`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  const imported = target.startsWith('src/') ? layerOf(target) : target;
  if (imported === layer || (imported !== 'main' && (rule.imports === 'anything' || rule.imports.includes(imported)))) return null;
  const allowed = rule.imports === 'anything' ? 'anything but main' : rule.imports.join(', ') || 'nothing';
  return `${path}: ${layer} imports ${imported} (${specifier}); it may import ${allowed}`;
}

/** First folder below src; a file that stands in src itself is its own layer. */
const layerOf = (path: string): string => (path.split('/')[1] ?? '').replace(/\.[jt]s$/, '');

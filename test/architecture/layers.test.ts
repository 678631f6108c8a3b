import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAYERS, violationsIn } from './support/rules.js';

const ROOT = join(import.meta.dirname, '../..');

/** Every source file, relative to the project. The generated events are part of the domain. */
const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name.replaceAll('\\', '/')}`);

describe('the layers', () => {
  test('are kept by every file', () => {
    expect(files.flatMap((path) => violationsIn(path, readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
  });

  test('are all there', () => {
    const missing = Object.entries(LAYERS).filter(
      ([layer, { later }]) =>
        !later && !files.some((path) => path.startsWith(`src/${layer}/`) || path === `src/${layer}.ts`),
    );
    expect(missing.map(([layer]) => layer)).toEqual([]);
    expect(files.length).toBeGreaterThan(100);
  });
});

describe('a planted violation is found', () => {
  test.each([
    ['src/domain/x.ts', "import { z } from 'zod';", /domain imports the package zod/],
    ['src/domain/x.ts', "import type { Log } from '../ports/log.js';", /domain imports ports .*may import nothing/],
    ['src/domain/x.ts', "export * from '../agent/roster.js';", /domain imports agent/],
    ['src/domain/x.ts', "export type { A } from '../agent/roster.js';", /domain imports agent/],
    ['src/domain/x.ts', "type Log = import('../ports/log.js').Log;", /domain imports ports/],
    ['src/domain/x.ts', 'import { readFileSync } from "node:fs";', /domain imports the package node:fs/],
    ['src/domain/generated/x.ts', "import '../../kafka/codec.js';", /domain imports kafka/],
    ['src/domain/x.ts', 'export const now = () => Date.now();', /Date\.now; time and chance/],
    ['src/domain/x.ts', 'export const now = () => new Date();', /new Date\(\); time and chance/],
    ['src/ports/x.ts', "import { createLoop } from '../agent/loop-state.js';", /ports imports agent/],
    [
      'src/kafka/x.ts',
      "import { createMemoryLog } from '../memory/memory-log.js';",
      /kafka imports memory .*may import domain, ports/,
    ],
    ['src/models/x.ts', "const tools = await import('../tools/sandbox.js');", /models imports tools/],
    ['src/models/x.ts', "const tools = require('../tools/sandbox.js');", /models imports tools/],
    ['src/memory/x.ts', "import { createWorker } from '../roles/worker/worker.js';", /memory imports roles/],
    [
      'src/roles/worker/x.ts',
      "import { createKafkaLog } from '../../kafka/kafka-log.js';",
      /roles\/worker imports kafka/,
    ],
    ['src/local/x.ts', "import kafkajs from 'kafkajs';", /kafkajs, which is kept behind src\/kafka/],
    ['src/cli/x.ts', "import type { Consumer } from 'kafkajs';", /kafkajs, which is kept behind src\/kafka/],
    ['src/main.ts', "const { Kafka } = await import('kafkajs');", /kafkajs, which is kept behind src\/kafka/],
    ['src/swarm/x.ts', "import { Kafka } from 'ravenhelm-kafkajs';", /kept behind src\/kafka/],
    ['src/cli/x.ts', "import { x } from '@kafkajs/confluent-schema-registry/dist/x.js';", /kept behind src\/avro/],
    ['src/kafka/x.ts', "import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';", /kept behind src\/avro/],
    [
      'src/kafka/reading/x.ts',
      "import type { Batch } from 'ravenhelm-kafkajs';",
      /imports ravenhelm-kafkajs, which is kept behind/,
    ],
    ['src/kafka/reading/x.ts', 'export const now = () => Date.now();', /Date\.now; time and chance/],
    ['src/avro/x.ts', "import { x } from '../kafka/kafka-log.js';", /avro imports kafka/],
    ['src/roles/worker/x.ts', "import { x } from '../orchestrator/x.js';", /roles\/worker imports roles\/orchestrator/],
    ['src/roles/shared/x.ts', "import { x } from '../worker/x.js';", /roles\/shared imports roles\/worker/],
    ['src/client/x.ts', "import { x } from '../swarm/x.js';", /client imports swarm/],
    ['src/swarm/x.ts', "import { x } from '../cli/x.js';", /swarm imports cli/],
    ['src/nats/x.ts', "import { x } from '../kafka/x.js';", /nats imports kafka/],
    ['src/roles/worker/x.ts', "import pino from 'pino';", /roles\/worker imports the package pino/],
    ['src/roles/worker/x.ts', 'setTimeout(() => undefined, 5);', /setTimeout; time and chance/],
    ['src/agent/x.ts', 'export const pick = Math.random();', /Math\.random; time and chance/],
    ['src/local/x.ts', "import { runCommandLine } from '../cli/command-line.js';", /local imports cli/],
    ['src/cli/commands/x.ts', "import '../../main.js';", /cli imports main/],
    ['src/cli/x.ts', "import type { Log } from '../kafka/kafka-log.js';", /cli imports kafka/],
    ['src/cli/x.ts', "import '../memory/memory-log.js';", /cli imports memory/],
    ['src/cli/actions/x.ts', "import '../../tools/definitions.js';", /cli imports tools/],
    ['src/cli/x.ts', "import '../roles/worker/worker.js';", /cli imports roles\/worker/],
    ['src/cli/x.ts', 'export const home = process.env.HOME;', /process\.env belongs to src\/main\.ts/],
    ['src/cli/x.ts', "export const home = process['env'];", /process\.env belongs to src\/main\.ts/],
    ['src/cli/x.ts', 'const { argv } = process;', /process belongs to src\/main\.ts/],
    ['src/cli/x.ts', 'globalThis.process.exit(1);', /globalThis.* belongs to src\/main\.ts/],
    ['src/cli/x.ts', "import { env } from 'node:process';", /imports node:process/],
    ['src/tools/x.ts', "process.on('SIGTERM', () => process.exit(1));", /process\.on belongs to src\/main\.ts/],
    ['src/nowhere/x.ts', 'export {};', /src\/nowhere has no rule/],
  ])('%s: %s', (path, text, message) => {
    expect(violationsIn(path, text)).toContainEqual(expect.stringMatching(message));
  });
});

describe('what looks like a violation is none', () => {
  test.each([
    [
      'src/domain/x.ts',
      "// import { z } from 'zod';\n/* from '../ports/log.js' */ export const text = \"import '../ports/log.js'\";",
    ],
    [
      'src/domain/x.ts',
      "import type { Plan } from './events.js'; export const at = (ms: number) => new Date(ms).toISOString() + " +
        'Date.UTC(2026, 1) + Math.max(1, 2);',
    ],
    [
      'src/roles/worker/x.ts',
      "import { a } from '../../agent/a.js'; import { b } from '../../ports/b.js'; import { c } from " +
        "'../../domain/c.js'; import { d } from '../shared/d.js';",
    ],
    ['src/tools/x.ts', 'export const uid = process.getuid?.();'],
    ['src/models/x.ts', "import OpenAI from 'openai'; setTimeout(() => undefined, 1);"],
    [
      'src/cli/x.ts',
      "import { openKafka } from '../swarm/open-log.js'; export const option = { process: 1, env: 2 }; " +
        'option.env += 1;',
    ],
    ['src/main.ts', "process.on('SIGINT', () => process.exit(Number(process.env.CODE)));"],
  ])('%s: %s', (path, text) => {
    expect(violationsIn(path, text)).toEqual([]);
  });
});

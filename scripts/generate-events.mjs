// Generates src/domain/generated/: one TypeScript module for each schemas/*.avsc and the union AgentEvent.
// The schemas are the only source of truth; the generated files are never edited and never committed.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { typesOfSchema } from './schema-types.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const schemasDir = join(root, 'schemas');
const outDir = join(root, 'src/domain/generated');

const files = (await readdir(schemasDir)).filter((name) => name.endsWith('.avsc')).sort();
await mkdir(outDir, { recursive: true });

const events = [];
for (const file of files) {
  const schema = JSON.parse(await readFile(join(schemasDir, file), 'utf8'));
  const eventType = schema.fields.find((field) => field.name === 'event_type').type.symbols[0];
  events.push({ name: schema.name, module: basename(file, '.avsc'), eventType });
  await writeModule(`${basename(file, '.avsc')}.ts`, `${header(file)}\n${typesOfSchema(schema)}`);
}

await writeModule(
  'agent-event.ts',
  [
    header('*.avsc'),
    ...events.map(({ name, module }) => `import type { ${name} } from './${module}.js';`),
    '',
    `export type { ${events.map(({ name }) => name).join(', ')} };`,
    '',
    '/** Every event of the swarm, discriminated by event_type. */',
    'export type AgentEvent =',
    ...events.map(({ name }) => `  | ${name}`),
    ';',
    '',
    '/** The event types that this build knows. */',
    `export const EVENT_TYPES = [${events.map(({ eventType }) => `'${eventType}'`).join(', ')}] as const;`,
    '',
  ].join('\n'),
);
await removeModulesWithoutSchema();

/** Writes only what changes, whole: a test run or a type check beside this one never finds a module missing. */
async function writeModule(name, text) {
  const path = join(outDir, name);
  const before = await readFile(path, 'utf8').catch(() => null); // not there yet
  if (before === text) return;
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function removeModulesWithoutSchema() {
  const wanted = new Set(['agent-event.ts', ...events.map(({ module }) => `${module}.ts`)]);
  for (const name of await readdir(outDir)) {
    if (!wanted.has(name)) await rm(join(outDir, name), { force: true });
  }
}

function header(file) {
  return `// Generated from schemas/${file} by scripts/generate-events.mjs.`;
}

// Generates src/domain/generated/: one TypeScript module for each schemas/*.avsc and the union AgentEvent.
// The schemas are the only source of truth; the generated files are never edited and never committed.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.noDeprecation = true; // @ovotech/avro-ts brings a TypeScript 4 whose factory functions warn on stderr
const { toTypeScript } = await import('@ovotech/avro-ts');

const root = fileURLToPath(new URL('..', import.meta.url));
const schemasDir = join(root, 'schemas');
const outDir = join(root, 'src/domain/generated');

const files = (await readdir(schemasDir)).filter((name) => name.endsWith('.avsc')).sort();
await rm(outDir, { recursive: true, force: true });
await mkdir(outDir, { recursive: true });

const events = [];
for (const file of files) {
  const schema = JSON.parse(await readFile(join(schemasDir, file), 'utf8'));
  const eventType = schema.fields.find((field) => field.name === 'event_type').type.symbols[0];
  events.push({ name: schema.name, module: basename(file, '.avsc'), eventType });
  const types = withoutSchemaConstants(toTypeScript(schema));
  await writeFile(join(outDir, `${basename(file, '.avsc')}.ts`), types);
}

await writeFile(
  join(outDir, 'agent-event.ts'),
  [
    '// Generated from schemas/*.avsc by scripts/generate-events.mjs.',
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

/** The library also writes each schema as a string constant; the codec reads the .avsc files instead. */
function withoutSchemaConstants(source) {
  return source.replace(/^\s*export const \w+ = ".*";\n/gm, '');
}

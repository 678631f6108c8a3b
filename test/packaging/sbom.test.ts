/** npm run sbom: a bill of materials that satisfies its schema and has what npm does not know. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { z } from 'zod';
import { removeTemporaryDirectories, temporaryDirectory } from '../tools/harness.js';

afterAll(removeTemporaryDirectories);

const require = createRequire(import.meta.url);
const schemaDirectory = join(require.resolve('@cyclonedx/cyclonedx-library/package.json'), '../res/schema');
const schemaOf = (name: string): object =>
  JSON.parse(readFileSync(join(schemaDirectory, `${name}.SNAPSHOT.schema.json`), 'utf8'));

const component = z.object({
  'bom-ref': z.string(),
  type: z.string(),
  name: z.string(),
  version: z.string().optional(),
  scope: z.string().optional(),
  purl: z.string().optional(),
  hashes: z.array(z.object({ alg: z.string(), content: z.string() })).optional(),
});
const bomSchema = z.object({
  specVersion: z.literal('1.5'),
  metadata: z.object({ component }),
  components: z.array(component.extend({ components: z.array(component).optional() })),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

describe('npm run sbom', () => {
  let document: unknown;
  let bom: z.infer<typeof bomSchema>;
  beforeAll(async () => {
    const file = join(temporaryDirectory(), 'sbom.json');
    const { stdout } = await promisify(execFile)(process.execPath, ['scripts/sbom.mjs', '--out', file]);
    expect(stdout).toMatch(/: \d+ components\n$/);
    document = JSON.parse(readFileSync(file, 'utf8'));
    bom = bomSchema.parse(document);
  }, 120_000);

  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema({ ...schemaOf(name), $id: `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json` });
  const validate = ajv.compile(schemaOf('bom-1.5'));

  test('satisfies the schema of CycloneDX 1.5, which refuses what it does not know', () => {
    validate(document);
    expect(validate.errors).toBeNull();
    expect(validate({ ...Object(document), components: [{ type: 'library' }] })).toBe(false);
    expect(validate({ ...Object(document), parts: [] })).toBe(false);
  });

  const find = (ref: string) => bom.components.find((each) => each['bom-ref'] === ref);

  test('has each npm package that the program runs with, with its digest, and none of development only', () => {
    const entry = z.object({ name: z.string().optional(), version: z.string(), dev: z.boolean().default(false) });
    const { packages } = z
      .object({ packages: z.record(z.string(), entry) })
      .parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));
    const wanted = Object.entries(packages)
      .filter(([path, { dev }]) => path !== '' && !dev)
      .map(([path, { name, version }]) => `${name ?? path.split('node_modules/').at(-1)}@${version}`);
    const npm = bom.components.filter(({ purl }) => purl?.startsWith('pkg:npm/'));
    const nameOf = ({ purl = '' }: { purl?: string }) =>
      decodeURIComponent(purl.slice('pkg:npm/'.length)).split('?')[0];
    expect([...new Set(npm.map(nameOf))].toSorted()).toEqual([...new Set(wanted)].toSorted());
    expect(wanted.length).toBeGreaterThan(50);
    for (const { hashes } of npm) expect(hashes?.map(({ alg }) => alg)).toEqual(['SHA-512']);
    expect(bom.components.filter(({ name }) => name === 'jest')).toEqual([]);
    expect(bom.metadata.component).toMatchObject({ name: 'ravenhelm', type: 'application' });
  });

  test('has what npm does not know: programs of the system, images, and the local stack with its files', () => {
    for (const name of ['bubblewrap', 'perl-base', 'util-linux', 'openssl'])
      expect(find(`system:${name}`)).toMatchObject({ scope: 'required', purl: expect.stringContaining('pkg:deb/') });
    expect(find(`node@${process.versions.node}`)).toBeDefined();
    expect(bom.components.filter(({ type }) => type === 'container').map(({ name }) => name)).toEqual([
      'node',
      'docker.redpanda.com/redpandadata/redpanda',
      'ollama/ollama',
      'otel/opentelemetry-collector',
      'grafana/tempo',
      'prom/prometheus',
      'grafana/grafana',
      'docker.redpanda.com/redpandadata/console',
    ]);
    const stack = bom.components.filter(({ purl }) => purl?.startsWith('pkg:maven/'));
    expect(stack.map(({ name }) => name)).toEqual([
      'kafka_2.13',
      'log4j-core',
      'log4j-slf4j-impl',
      'apicurio-registry-app',
    ]);
    for (const { version, components = [] } of stack) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      for (const { hashes } of components) expect(hashes?.[0]?.content).toMatch(/^[\da-f]{64}$/);
    }
  });

  test('names each component once, and what the program depends on', () => {
    const refs = bom.components.flatMap((each) => [each, ...(each.components ?? [])]).map((each) => each['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    const root = bom.metadata.component['bom-ref'];
    expect(bom.dependencies.find(({ ref }) => ref === root)?.dependsOn).toContain('system:bubblewrap');
  });

  test('with a wrong argument ends with 2', async () => {
    const failed = promisify(execFile)(process.execPath, ['scripts/sbom.mjs', '--format', 'x']);
    await expect(failed).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('npm run sbom -- --help') });
  });
});

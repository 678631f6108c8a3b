import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { z } from 'zod';

const schema = z
  .record(z.string(), z.unknown())
  .parse(JSON.parse(readFileSync('test/packaging/compose-spec.json', 'utf8')));
const text = readFileSync('docker-compose.redpanda.yml', 'utf8');
const document: unknown = parse(text, { merge: true });

const composeFile = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string(),
      profiles: z.array(z.string()).default([]),
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
      secrets: z.array(z.string()).default([]),
    }),
  ),
  secrets: z.record(z.string(), z.object({ environment: z.string() })),
  volumes: z.record(z.string(), z.unknown()),
});
const { services, secrets, volumes } = composeFile.parse(document);
const entries = Object.entries(services);

function service(name: string) {
  const found = services[name];
  if (found === undefined) throw new Error(`docker-compose.redpanda.yml has no service ${name}`);
  return found;
}

/** Services that do their work and end. */
const ONE_SHOT = ['init'];
/** Whose images have nothing that a health check could run. */
const WITHOUT_SHELL = ['collector', 'tempo', 'console'];

describe('docker-compose.redpanda.yml', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const validate = ajv.compile(schema);

  test('satisfies the compose specification', () => {
    validate(document);
    expect(validate.errors).toBeNull();
  });

  test('the specification refuses what it does not know, so the test above can fail', () => {
    expect(validate({ services: { worker: { image: 'x', healthchecks: {} } } })).toBe(false);
  });

  test.each([
    ['without a profile', undefined, ['init', 'ollama', 'orchestrator', 'redpanda', 'worker']],
    ['observability', 'observability', ['collector', 'grafana', 'prometheus', 'tempo']],
    ['console', 'console', ['console']],
  ])('%s: its services', (_name, profile, names) => {
    const inProfile = entries.filter(([, { profiles }]) =>
      profile === undefined ? profiles.length === 0 : profiles.includes(profile),
    );
    expect(inProfile.map(([name]) => name).sort()).toEqual(names);
  });

  test.each(entries)('%s pins its image', (_name, { image }) => {
    expect(image).toMatch(/:[\w.-]*\d+\.\d+|^ravenhelm:local$/);
    expect(image).not.toMatch(/:latest$/);
  });

  test.each(entries)('%s is watched by a health check, or ends by itself', (name, { healthcheck, restart }) => {
    if (ONE_SHOT.includes(name)) expect({ healthcheck, restart }).toEqual({ healthcheck: undefined, restart: 'no' });
    else if (WITHOUT_SHELL.includes(name)) expect(healthcheck).toBeUndefined();
    else expect(healthcheck?.test.length).toBeGreaterThan(1);
  });

  test.each(entries)('%s waits for what it depends on to be healthy, or done', (_name, { depends_on }) => {
    for (const [dependency, { condition }] of Object.entries(depends_on)) {
      expect(services).toHaveProperty(dependency);
      const ended = ONE_SHOT.includes(dependency) ? 'service_completed_successfully' : 'service_healthy';
      expect(condition).toBe(WITHOUT_SHELL.includes(dependency) ? 'service_started' : ended);
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

describe('its profile observability', () => {
  const ofDeploy = (name: string): unknown => parse(readFileSync(`deploy/${name}`, 'utf8'));
  const environmentOf = (name: string) => service(name).environment;

  test('everything that is mounted from this repository is there, and cannot be written', () => {
    const mounts = entries.flatMap(([, definition]) => definition.volumes).filter((mount) => mount.startsWith('./'));
    expect(mounts.length).toBeGreaterThan(5);
    for (const mount of mounts) {
      const [source = '', , mode] = mount.split(':');
      expect([mount, existsSync(source), mode]).toEqual([mount, true, 'ro']);
    }
  });

  test('the command of each names a file that is mounted', () => {
    for (const name of ['collector', 'tempo', 'prometheus']) {
      const [, file = ''] = /-config(?:\.file)?=(\S+)/.exec((service(name).command ?? []).join(' ')) ?? [];
      const inClone = service(name).volumes.flatMap((mount) => {
        const [source = '', target = ''] = mount.split(':');
        return file.startsWith(`${target}/`) ? [file.replace(target, source)] : [];
      });
      expect([name, inClone.map((path) => existsSync(path))]).toEqual([name, [true]]);
    }
  });

  test('Prometheus finds the containers of both roles by name, and has the token that they have', () => {
    const { scrape_configs: scrapes } = z
      .object({
        scrape_configs: z.array(
          z.looseObject({
            authorization: z.object({ credentials_file: z.string() }),
            dns_sd_configs: z.array(z.object({ names: z.array(z.string()), port: z.number() }).loose()),
          }),
        ),
      })
      .parse(ofDeploy('prometheus/prometheus.compose.yml'));
    const [scrape] = scrapes;
    expect(scrapes).toHaveLength(1);
    expect(scrape?.dns_sd_configs[0]?.names).toEqual(['orchestrator', 'worker']);
    expect(environmentOf('worker')['RAVENHELM_HTTP']).toContain(`:${scrape?.dns_sd_configs[0]?.port}`);
    const [secret = ''] = service('prometheus').secrets;
    expect(scrape?.authorization.credentials_file).toBe(`/run/secrets/${secret}`);
    expect(secrets[secret]).toEqual({ environment: 'RAVENHELM_HTTP_TOKEN' });
  });

  test('spans go from the roles to the collector, from it to Tempo, and Grafana asks Tempo', () => {
    for (const role of ['orchestrator', 'worker'])
      expect(environmentOf(role)).toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT', null);
    const collector = readFileSync('deploy/collector/collector.yaml', 'utf8');
    expect(collector).toContain('0.0.0.0:4318');
    const { distributor, server } = z
      .looseObject({
        server: z.object({ http_listen_port: z.number() }),
        distributor: z.object({
          receivers: z.object({
            otlp: z.object({ protocols: z.object({ http: z.object({ endpoint: z.string() }) }) }),
          }),
        }),
      })
      .parse(ofDeploy('tempo/tempo.yaml'));
    const [, port] = distributor.receivers.otlp.protocols.http.endpoint.split(':');
    expect(collector).toContain(`http://tempo:${port}`);
    expect(environmentOf('grafana')['TEMPO_URL']).toBe(`http://tempo:${server.http_listen_port}`);
  });

  test('Grafana has what its files of data sources name, and they are mounted where it looks', () => {
    const named = readFileSync('deploy/grafana/provisioning/datasources/ravenhelm.yml', 'utf8').matchAll(
      /\$\{(\w+)\}/g,
    );
    const names = [...named].map(([, name]) => name ?? '');
    expect(names).toEqual(['PROMETHEUS_URL', 'TEMPO_URL']);
    for (const name of names) expect(environmentOf('grafana')).toHaveProperty(name);
    const dashboards = z
      .object({ providers: z.array(z.looseObject({ options: z.object({ path: z.string() }) })) })
      .parse(ofDeploy('grafana/provisioning/dashboards/ravenhelm.yml'));
    const [provider] = dashboards.providers;
    expect(service('grafana').volumes).toContain(`./deploy/grafana/dashboards:${provider?.options.path}:ro`);
  });

  test('whatever has a page is published on this computer only', () => {
    const ports = entries.flatMap(([, { profiles, ports: published }]) => (profiles.length > 0 ? published : []));
    expect(ports.sort()).toEqual(['127.0.0.1:3000:3000', '127.0.0.1:8080:8080', '127.0.0.1:9090:9090']);
  });

  test('Redpanda Console asks the broker and the registry that the roles use', () => {
    const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL } = environmentOf('worker');
    expect(environmentOf('console')).toEqual({
      ...{ KAFKA_BROKERS, SCHEMAREGISTRY_ENABLED: 'true', SCHEMAREGISTRY_URLS: SCHEMA_REGISTRY_URL },
    });
  });
});

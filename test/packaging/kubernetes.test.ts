import { readFileSync, readdirSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { SETTING_NAMES } from '../../src/cli/settings.js';

const DIRECTORY = 'deploy/kubernetes';
/** The oldest that the manifests are for, because of hostUsers, and a new one. */
const VERSIONS = ['v1.33', 'v1.37'];

const resource = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({}).optional() });
const resourcesOf = (file: string) =>
  parseAllDocuments(readFileSync(`${DIRECTORY}/${file}`, 'utf8')).map((document) => resource.parse(document.toJS()));
const files = readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
const resources = files.flatMap(resourcesOf);

/** null: valid. Unknown fields are refused, as by kubectl with --validate=strict. */
function validatorOf(version: string) {
  const schemas = z
    .looseObject({ kinds: z.record(z.string(), z.string()), $defs: z.record(z.string(), z.looseObject({})) })
    .parse(JSON.parse(readFileSync(`test/packaging/kubernetes/${version}.json`, 'utf8')));
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: version, $defs: schemas.$defs });
  return (document: z.infer<typeof resource>) => {
    const kind = schemas.kinds[`${document.apiVersion}/${document.kind}`];
    if (kind === undefined) throw new Error(`${version}.json has no ${document.apiVersion}/${document.kind}`);
    const validate = ajv.compile({ $ref: `${version}#/$defs/${kind}` });
    validate(document);
    return validate.errors ?? null;
  };
}

const podTemplate = z.object({
  spec: z.looseObject({
    hostUsers: z.boolean().optional(),
    terminationGracePeriodSeconds: z.number().optional(),
    securityContext: z.looseObject({ runAsNonRoot: z.literal(true), runAsUser: z.literal(1000) }),
    containers: z.array(
      z.looseObject({
        image: z.string(),
        args: z.array(z.string()),
        envFrom: z.array(z.looseObject({})),
        securityContext: z.looseObject({
          allowPrivilegeEscalation: z.literal(false),
          readOnlyRootFilesystem: z.literal(true),
          capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
          procMount: z.string().optional(),
          seccompProfile: z.object({ type: z.string() }).optional(),
          appArmorProfile: z.object({ type: z.string() }).optional(),
        }),
        readinessProbe: z.object({ exec: z.object({ command: z.array(z.string()) }) }).optional(),
      }),
    ),
  }),
});
const podOf = (name: string) => {
  const found = resources.find(({ metadata }) => metadata?.['name'] === name && metadata['labels'] !== undefined);
  const { template } = z.looseObject({ template: podTemplate }).parse(found?.['spec']);
  const [container] = template.spec.containers;
  if (container === undefined) throw new Error(`${name} has no container`);
  return { pod: template.spec, container };
};

describe.each(VERSIONS)('the manifests of deploy/kubernetes beside the schemas of Kubernetes %s', (version) => {
  const errorsOf = validatorOf(version);

  test.each(files.flatMap((file) => resourcesOf(file).map((document) => ({ file, document }))))(
    '$file: $document.kind',
    ({ document }) => expect(errorsOf(document)).toBeNull(),
  );

  test('an unknown field and a value of another type are refused, so the tests above can fail', () => {
    const [job] = resourcesOf('init.yaml');
    if (job === undefined) throw new Error('init.yaml is empty');
    expect(errorsOf({ ...job, spek: {} })).not.toBeNull();
    expect(errorsOf({ ...job, spec: { ...z.looseObject({}).parse(job['spec']), backoffLimit: 'six' } })).not.toBeNull();
  });
});

describe('the manifests of deploy/kubernetes', () => {
  test('kustomization.yaml has every file', () => {
    const { resources: listed } = z
      .looseObject({ resources: z.array(z.string()) })
      .parse(parseAllDocuments(readFileSync(`${DIRECTORY}/kustomization.yaml`, 'utf8'))[0]?.toJS());
    expect([...listed].sort()).toEqual([...files].sort());
  });

  test('what they set are settings of the program', () => {
    const { data } = z
      .looseObject({ data: z.record(z.string(), z.string()) })
      .parse(resources.find(({ kind }) => kind === 'ConfigMap'));
    expect(Object.keys(data).filter((name) => !SETTING_NAMES.some((known) => known === name))).toEqual([]);
  });

  test('no pod runs as root, and each has a read-only root file system and no capabilities', () => {
    for (const name of ['ravenhelm-init', 'ravenhelm-orchestrator', 'ravenhelm-worker']) podOf(name);
  });

  test('only workers have what bubblewrap needs of its container', () => {
    const worker = podOf('ravenhelm-worker');
    expect(worker.pod.hostUsers).toBe(false);
    expect(worker.container.securityContext).toMatchObject({
      procMount: 'Unmasked',
      seccompProfile: { type: 'Unconfined' },
      appArmorProfile: { type: 'Unconfined' },
    });
    for (const name of ['ravenhelm-init', 'ravenhelm-orchestrator'])
      expect(podOf(name).container.securityContext).not.toHaveProperty('procMount');
  });

  test.each(['orchestrator', 'worker'])(
    '%s: its role, its probe, and longer to end than steps take to drain',
    (role) => {
      const { pod, container } = podOf(`ravenhelm-${role}`);
      expect(container.args).toEqual(['--role', role]);
      expect(container.readinessProbe?.exec.command).toEqual(['node', 'bin/health.js', 'readyz']);
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(20);
    },
  );
});

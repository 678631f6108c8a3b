import { dirname, join, normalize } from 'node:path';
import { orderOf, readComposeFile } from './lib/compose-file.mjs';
import { readKeyValues, readLabels } from './lib/env.mjs';
import { exists } from './lib/files.mjs';
import { listOf, readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';

const USAGE = `usage: node $TOOLBOX/compose.mjs services FILE --names A,B [--routed C,D]
       node $TOOLBOX/compose.mjs ports FILE
       node $TOOLBOX/compose.mjs references FILE --env .env
       node $TOOLBOX/compose.mjs files FILE [--later DIR,DIR]
services    exactly these services, each with a pinned image and known keys; those routed have a label file whose port
            they expose
ports       no two services publish the same port of the host
references  volumes, networks, secrets, configs and services that are named exist, conditions fit, no cycle, no
            variable but those of .env
files       env, label, config and mounted files exist; no service mounts the CA's private key
--later     directories that agents of the same or a later wave still write
Several at once: node $TOOLBOX/compose.mjs ports,files FILE`;

const SERVICE_KEYS = new Set([
  'image',
  'command',
  'entrypoint',
  'environment',
  'env_file',
  'label_file',
  'labels',
  'ports',
  'expose',
  'volumes',
  'networks',
  'depends_on',
  'healthcheck',
  'restart',
  'secrets',
  'configs',
  'user',
  'read_only',
  'tmpfs',
  'cap_drop',
  'cap_add',
  'security_opt',
  'stop_grace_period',
  'hostname',
  'working_dir',
  'profiles',
  'init',
  'mem_limit',
  'cpus',
  'ulimits',
  'logging',
]);
const CONDITIONS = new Set(['service_started', 'service_healthy', 'service_completed_successfully']);
const CA_KEY = 'certs/ca.key';

function imageProblems({ name, image }) {
  if (image === null) return [`service ${name} has no image`];
  const tag = /:([^/:@]+)(@sha256:[0-9a-f]{64})?$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest' ? [`service ${name}: image ${image} is not pinned to a version`] : [];
}

/** A routed service takes its labels from the file with its name, and exposes the port that they route to. */
function routeProblems(compose, service) {
  const file = service.labelFiles.find((candidate) => candidate.endsWith(`/${service.name}.labels`));
  if (file === undefined)
    return [`service ${service.name} has no label file ${service.name}.labels, so nothing routes to it`];
  const labels = readLabels(join(dirname(compose.file), file));
  const port = labels.get(`traefik.http.services.${service.name}.loadbalancer.server.port`);
  return port !== undefined && service.expose.includes(port)
    ? []
    : [`service ${service.name} does not expose ${port ?? 'any port'}, which ${file} routes to`];
}

function services(compose, options) {
  const names = listOf(options.names);
  const found = compose.services.map((service) => service.name);
  const routed = listOf(options.routed);
  return [
    ...names.filter((name) => !found.includes(name)).map((name) => `lacks the service ${name}`),
    ...found.filter((name) => !names.includes(name)).map((name) => `has the service ${name}, which was not asked for`),
    ...compose.services.flatMap((service) => [
      ...imageProblems(service),
      ...service.keys
        .filter((key) => !SERVICE_KEYS.has(key))
        .map((key) => `service ${service.name}: unknown key ${key}`),
      ...(routed.includes(service.name) ? routeProblems(compose, service) : []),
    ]),
  ];
}

function ports(compose) {
  const owners = new Map();
  return compose.services.flatMap(({ name, ports: published }) =>
    published.flatMap(({ host }) => {
      if (host === null) return [`service ${name}: publish a fixed port of the host, or none`];
      const owner = owners.get(host);
      owners.set(host, name);
      return owner === undefined ? [] : [`port ${host} of the host is published by ${owner} and by ${name}`];
    }),
  );
}

function dependencyProblems(compose) {
  const byName = new Map(compose.services.map((service) => [service.name, service]));
  const problems = compose.services.flatMap(({ name, dependencies }) =>
    dependencies.flatMap(({ service, condition }) => {
      const target = byName.get(service);
      if (target === undefined) return [`service ${name} depends on ${service}, which does not exist`];
      if (!CONDITIONS.has(condition)) return [`service ${name}: unknown condition ${condition}`];
      if (condition === 'service_healthy' && !target.healthcheck)
        return [`service ${name} waits for ${service} to be healthy, but that has no healthcheck`];
      return condition === 'service_completed_successfully' && !target.oneShot
        ? [`service ${name} waits for ${service} to end, but that is restarted without end`]
        : [];
    }),
  );
  const { cycle } = orderOf(
    compose.services.map(({ name, dependencies }) => ({ name, after: dependencies.map(({ service }) => service) })),
  );
  return cycle.length > 0 && problems.length === 0
    ? [`services depend on each other in a circle: ${cycle.join(', ')}`]
    : problems;
}

function references(compose, options) {
  if (options.env === undefined) throw new UsageError('missing option: --env');
  const env = readKeyValues(options.env);
  const used = {
    volumes: (s) => s.mounts.filter(({ kind }) => kind === 'volume').map(({ source }) => source),
    networks: (s) => s.networks,
    secrets: (s) => s.secrets,
    configs: (s) => s.configs,
  };
  const dangling = Object.entries(used).flatMap(([section, namesOf]) => {
    const declared = compose[section].map(({ name }) => name);
    const needed = compose.services.flatMap((service) =>
      namesOf(service).map((name) => ({ name, service: service.name })),
    );
    return [
      ...needed
        .filter(({ name }) => !declared.includes(name))
        .map(({ name, service }) => `service ${service} uses ${name} of ${section}, which is not declared`),
      ...declared
        .filter((name) => !needed.some((need) => need.name === name))
        .map((name) => `${name} of ${section} is declared, but no service uses it`),
    ];
  });
  const unset = compose.variables
    .filter((name) => !env.has(name))
    .map((name) => `variable ${name} is not in ${options.env}`);
  return [...dangling, ...unset, ...dependencyProblems(compose)];
}

function files(compose, options) {
  const later = listOf(options.later);
  const root = dirname(compose.file);
  const isLater = (path) => later.some((directory) => path === directory || path.startsWith(`${directory}/`));
  const needed = [
    ...compose.services.flatMap(({ name, envFiles, labelFiles, mounts }) =>
      [
        ...envFiles,
        ...labelFiles,
        ...mounts.filter(({ kind, source }) => kind === 'bind' && !source.startsWith('/')).map(({ source }) => source),
      ].map((path) => ({ by: `service ${name}`, path: normalize(path).replace(/\/$/, '') })),
    ),
    ...[...compose.secrets, ...compose.configs]
      .filter(({ file }) => file !== null)
      .map(({ name, file }) => ({ by: name, path: normalize(file) })),
  ];
  return needed.flatMap(({ by, path }) => {
    if (path.startsWith('..')) return [`${by}: ${path} lies outside the platform's directory`];
    if (CA_KEY === path || CA_KEY.startsWith(`${path}/`) || path === '.')
      return [`${by} mounts ${path}, which holds the CA's private key`];
    return exists(join(root, path)) || isLater(path) ? [] : [`${by}: ${path} does not exist`];
  });
}

const COMMANDS = { services, ports, references, files };

await runTool(USAGE, ([command, ...rest]) => {
  const looks = (command ?? '').split(',').map((name) => COMMANDS[name]);
  if (looks.includes(undefined)) throw new UsageError(`unknown command: ${command ?? '(none)'}`);
  const {
    options,
    positionals: [file],
  } = readArguments(
    rest,
    { names: 'strings', routed: 'strings', env: 'string', later: 'strings' },
    { positionals: [1, 1] },
  );
  const compose = readComposeFile(file);
  refuse(looks.flatMap((look) => look(compose, options)).map((problem) => `${file}: ${problem}`));
  return `${file}: ${compose.services.length} services, ${command} good`;
});

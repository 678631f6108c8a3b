import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { readLabels } from './lib/env.mjs';
import { exists, listFiles, readText } from './lib/files.mjs';
import { listOf, readArguments, refuse, runTool, UsageError } from './lib/tool.mjs';
import { readYaml } from './lib/yaml.mjs';

const USAGE = `usage: node $TOOLBOX/traefik.mjs static FILE
       node $TOOLBOX/traefik.mjs tls DIR --mount /certs=certs
       node $TOOLBOX/traefik.mjs routes LABELS_DIR --static FILE --dynamic DIR --cert CERT --services A,B
static  entry points web (redirects to websecure) and websecure on different ports; a docker provider that exposes
        nothing by itself, a file provider
tls     the certificates that the dynamic configuration names exist here (--mount CONTAINER=HERE) and their keys
        belong to them
routes  one label file for each service: routers with an existing entry point, service and middlewares, TLS on, a
        port, and a host name that CERT serves`;

const portOf = (entryPoint) =>
  String(entryPoint?.address ?? '')
    .split(':')
    .at(-1);

/** All files of the dynamic configuration; a later file may not repeat a name of an earlier one. */
function readDynamic(directory) {
  return listFiles(directory)
    .filter((file) => /\.ya?ml$/.test(file))
    .map((name) => ({ file: join(directory, name), value: readYaml(join(directory, name)) ?? {} }));
}

function staticProblems(argv) {
  const {
    positionals: [file],
  } = readArguments(argv, {}, { positionals: [1, 1] });
  const value = readYaml(file);
  const points = value.entryPoints ?? {};
  const ports = Object.values(points).map(portOf);
  const problems = [];
  if (points.web?.http?.redirections?.entryPoint?.to !== 'websecure')
    problems.push('entry point web does not redirect to websecure');
  if (points.websecure === undefined) problems.push('has no entry point websecure');
  if (ports.some((port) => !/^\d+$/.test(port)) || new Set(ports).size !== ports.length)
    problems.push(`entry points need different ports: ${ports.join(', ')}`);
  if (value.providers?.docker?.exposedByDefault !== false)
    problems.push('providers.docker.exposedByDefault must be false');
  if (value.providers?.file?.directory === undefined) problems.push('has no file provider with a directory');
  if (value.api?.insecure === true) problems.push('api.insecure must not be on');
  refuse(problems.map((problem) => `${file}: ${problem}`));
  return `${file}: entry points ${Object.keys(points).join(', ')}`;
}

function pairProblems(file, toHere, { certFile, keyFile }) {
  const [cert, key] = [certFile, keyFile].map((path) => (path === undefined ? undefined : toHere(path)));
  const missing = [
    [certFile, cert],
    [keyFile, key],
  ].filter(([, here]) => here === undefined || !exists(here));
  if (missing.length > 0) return missing.map(([named]) => `${file}: ${named ?? 'certFile or keyFile'} does not exist`);
  return new X509Certificate(readText(cert)).checkPrivateKey(createPrivateKey(readText(key)))
    ? []
    : [`${file}: ${keyFile} is not the key of ${certFile}`];
}

function tls(argv) {
  const {
    options,
    positionals: [directory],
  } = readArguments(argv, { mount: 'string' }, { positionals: [1, 1], required: ['mount'] });
  const [container, here] = options.mount.split('=');
  if (!container || !here) throw new UsageError('--mount must be CONTAINER=HERE');
  const toHere = (path) =>
    path.startsWith(`${container}/`) ? join(here, path.slice(container.length + 1)) : undefined;
  const pairs = readDynamic(directory).flatMap(({ file, value }) =>
    [
      ...(value.tls?.certificates ?? []),
      ...Object.values(value.tls?.stores ?? {}).flatMap((store) => store.defaultCertificate ?? []),
    ].map((pair) => ({ file, pair })),
  );
  refuse(
    pairs.length === 0
      ? [`${directory}: names no certificate`]
      : pairs.flatMap(({ file, pair }) => pairProblems(file, toHere, pair)),
  );
  return `${directory}: ${pairs.length} certificate(s) exist with their keys`;
}

/** What routers may refer to. */
function knownNames(options) {
  const dynamic = readDynamic(options.dynamic).map(({ value }) => value);
  return {
    entryPoints: Object.keys(readYaml(options.static).entryPoints ?? {}),
    middlewares: dynamic.flatMap((value) => Object.keys(value.http?.middlewares ?? {})).map((name) => `${name}@file`),
    tlsOptions: dynamic.flatMap((value) => Object.keys(value.tls?.options ?? {})).map((name) => `${name}@file`),
    certificate: new X509Certificate(readText(options.cert)),
  };
}

/** The label file of one service. */
function routeProblems(file, service, known) {
  const labels = readLabels(file);
  const label = (name) => labels.get(`traefik.http.routers.${service}.${name}`);
  const host = /^Host\(`([^`]+)`\)$/.exec(label('rule') ?? '')?.[1];
  const listProblems = (name, allowed) =>
    (label(name) ?? '')
      .split(',')
      .filter((entry) => entry !== '' && !allowed.includes(entry))
      .map((entry) => `${name} ${entry} does not exist`);
  const port = labels.get(`traefik.http.services.${service}.loadbalancer.server.port`);
  return [
    ...(labels.get('traefik.enable') === 'true' ? [] : ['traefik.enable is not true']),
    ...(host === undefined
      ? [`router ${service} has no rule of the form Host(\`name\`)`]
      : known.certificate.checkHost(host) === undefined
        ? [`the certificate does not serve ${host}`]
        : []),
    ...(label('entrypoints') === undefined
      ? [`router ${service} has no entry point`]
      : listProblems('entrypoints', known.entryPoints)),
    ...listProblems('middlewares', known.middlewares),
    ...listProblems('tls.options', known.tlsOptions),
    ...(label('tls') === 'true' ? [] : [`router ${service} has no TLS`]),
    ...(label('service') === service
      ? []
      : [`router ${service} leads to the service ${label('service') ?? '(none)'}, which does not exist`]),
    ...(/^\d+$/.test(port ?? '') ? [] : [`service ${service} has no port`]),
  ].map((problem) => `${file}: ${problem}`);
}

function routes(argv) {
  const {
    options,
    positionals: [directory],
  } = readArguments(
    argv,
    { static: 'string', dynamic: 'string', cert: 'string', services: 'strings' },
    { positionals: [1, 1], required: ['static', 'dynamic', 'cert', 'services'] },
  );
  const services = listOf(options.services);
  const found = listFiles(directory)
    .filter((file) => file.endsWith('.labels'))
    .map((file) => file.slice(0, -'.labels'.length));
  const known = knownNames(options);
  refuse([
    ...services
      .filter((name) => !found.includes(name))
      .map((name) => `${directory}: no route leads to ${name} (${name}.labels)`),
    ...found
      .filter((name) => !services.includes(name))
      .map((name) => `${directory}/${name}.labels: routes to ${name}, which is none of the services`),
    ...found
      .filter((name) => services.includes(name))
      .flatMap((name) => routeProblems(join(directory, `${name}.labels`), name, known)),
  ]);
  return `${directory}: ${services.length} routes`;
}

const COMMANDS = { static: staticProblems, tls, routes };

await runTool(USAGE, ([command, ...rest]) => {
  const run = COMMANDS[command];
  if (run === undefined) throw new UsageError(`unknown command: ${command ?? '(none)'}`);
  return run(rest);
});

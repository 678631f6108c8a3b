/** A compose file in one shape: short and long forms of ports, mounts and dependencies read alike. */
import { readText } from './files.mjs';
import { Problems } from './tool.mjs';
import { readYaml } from './yaml.mjs';

const asList = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
const namesOf = (value) =>
  (Array.isArray(value) ? value : Object.keys(value ?? {})).map((entry) =>
    typeof entry === 'string' ? entry : entry.source,
  );

/** Splits at colons that stand outside ${…}. */
function splitColons(text) {
  return text.split(/:(?![^${}]*\})/);
}

/** {host, container} of a published port; host is null when Docker chooses it, an address may precede it. */
function portOf(entry) {
  if (typeof entry === 'object')
    return { host: entry.published === undefined ? null : String(entry.published), container: String(entry.target) };
  const parts = splitColons(String(entry).replace(/\/(tcp|udp)$/, ''));
  return { host: parts.at(-2) ?? null, container: parts.at(-1) };
}

/** {kind: bind | volume, source, target} of a mount. */
function mountOf(entry) {
  if (typeof entry === 'object')
    return { kind: entry.type === 'bind' ? 'bind' : 'volume', source: entry.source, target: entry.target };
  const [source, target] = splitColons(entry);
  return { kind: /^[./~]/.test(source) ? 'bind' : 'volume', source, target };
}

function dependenciesOf(value) {
  if (Array.isArray(value)) return value.map((service) => ({ service, condition: 'service_started' }));
  return Object.entries(value ?? {}).map(([service, rule]) => ({
    service,
    condition: rule?.condition ?? 'service_started',
  }));
}

function readService(name, raw) {
  return {
    name,
    keys: Object.keys(raw),
    image: raw.image ?? null,
    ports: asList(raw.ports).map(portOf),
    expose: asList(raw.expose).map(String),
    mounts: asList(raw.volumes).map(mountOf),
    dependencies: dependenciesOf(raw.depends_on),
    networks: namesOf(raw.networks),
    secrets: namesOf(raw.secrets),
    configs: namesOf(raw.configs),
    envFiles: asList(raw.env_file).map((entry) => (typeof entry === 'string' ? entry : entry.path)),
    labelFiles: asList(raw.label_file),
    healthcheck: raw.healthcheck !== undefined && raw.healthcheck.disable !== true,
    oneShot: raw.restart === 'no',
  };
}

/** Names of the ${VARIABLES} that a text needs; $$ is an escaped dollar. */
function variablesOf(text) {
  return [
    ...new Set([...text.replaceAll('$$', '').matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map((match) => match[1])),
  ];
}

/** Reads and normalises a compose file; services come sorted as the file has them. */
export function readComposeFile(file) {
  const raw = readYaml(file);
  if (raw?.services === null || typeof raw?.services !== 'object') throw new Problems([`${file}: has no services`]);
  const section = (name) =>
    Object.entries(raw[name] ?? {}).map(([key, value]) => ({ name: key, file: value?.file ?? null }));
  return {
    file,
    services: Object.entries(raw.services).map(([name, service]) => readService(name, service ?? {})),
    volumes: section('volumes'),
    networks: section('networks'),
    secrets: section('secrets'),
    configs: section('configs'),
    variables: variablesOf(
      readText(file)
        .split('\n')
        .map((line) => line.replace(/^\s*#.*/, ''))
        .join('\n'),
    ),
  };
}

/**
 * The dependency order of {name, after[]}: {order, cycle}; the cycle is empty when there is none. Ties are sorted by
 * name.
 */
export function orderOf(nodes) {
  const waiting = new Map(nodes.map(({ name, after }) => [name, new Set(after)]));
  const order = [];
  for (;;) {
    const ready = [...waiting]
      .filter(([, after]) => [...after].every((name) => !waiting.has(name)))
      .map(([name]) => name)
      .sort();
    if (ready.length === 0) return { order, cycle: [...waiting.keys()].sort() };
    order.push(ready);
    for (const name of ready) waiting.delete(name);
    if (waiting.size === 0) return { order, cycle: [] };
  }
}

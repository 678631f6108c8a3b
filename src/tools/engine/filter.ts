/** Which requests of an agent reach the engine, and as what. The engine's labels say what is whose. */
import { containerBody, MEMORY_LABEL, mostMemoryMb } from './container-body.js';
import { jsonBody } from './fields.js';
import { filtersOf, ownContainer, ownOf, ownExec, requireOwn, type Lookup, type OwnContainer } from './objects.js';
import {
  connectionBody,
  execBody,
  execStartBody,
  networkBody,
  emptyBody,
  requireOwnName,
  volumeBody,
} from './other-bodies.js';
import type { Project } from './project.js';
import { RequestRefused } from './refusal.js';
import { queryOf, targetOf, type Target } from './target.js';

export interface EngineRequest {
  readonly method: string;
  /** As it stands on the request's first line. */
  readonly target: string;
  readonly body: Buffer;
}

/** What the engine is asked in place of the request. */
export interface PassedRequest {
  readonly method: string;
  readonly target: string;
  /** JSON; null: no body. */
  readonly body: object | null;
  /** Of the engine's JSON, what the client gets; null: all of the answer, as it comes. */
  readonly shown: ((answer: unknown) => unknown) | null;
  /** Whether the connection may become a stream in both directions. */
  readonly streams: boolean;
  /** The id of a container that may write to the workspace and then runs; null: none. */
  readonly starts: string | null;
}

interface Asked {
  readonly project: Project;
  readonly lookup: Lookup;
  readonly target: Target;
  /** The names in the path. */
  readonly names: readonly string[];
  body(): unknown;
}

interface Answer {
  /** Instead of the one that was asked. */
  readonly path?: string;
  readonly body?: object | undefined;
  /** Parameters that are set whatever the client has asked for. */
  readonly query?: Readonly<Record<string, string>>;
  readonly shown?: (answer: unknown) => unknown;
  readonly starts?: string | null;
}

interface Rule {
  readonly method: string;
  readonly path: RegExp;
  readonly query: readonly string[];
  readonly streams?: true;
  pass(asked: Asked): Answer | Promise<Answer>;
}

const NAME = '([\\w][\\w.-]{0,254})';
const MOST_CONTAINERS = 50;

const rule = (method: string, path: string, query: string, pass: Rule['pass'] = () => ({}), streams?: true): Rule => ({
  method,
  path: new RegExp(`^${path.replaceAll(':name', NAME)}$`),
  query: query === '' ? [] : query.split(' '),
  pass,
  ...(streams === undefined ? {} : { streams }),
});

/** A request about one container, which has no body. */
const ofContainer = (method: string, action: string, query: string, streams?: true): Rule =>
  rule(
    method,
    `/containers/:name${action}`,
    query,
    async ({ names: [name = ''], project, lookup, body }) => {
      emptyBody(body());
      const found = await ownContainer(name, project, lookup);
      if (streams === true) requireUse(found, project);
      return { path: `/containers/${found.id}${action}` };
    },
    streams,
  );

/** The same, after which the container runs. */
const running = (action: string, query: string): Rule =>
  rule('POST', `/containers/:name${action}`, query, async ({ names: [name = ''], target, project, lookup, body }) => {
    emptyBody(body());
    requireShortWait(target);
    const found = await ownContainer(name, project, lookup);
    requireUse(found, project);
    return { path: `/containers/${found.id}${action}`, starts: found.user === null ? null : found.id };
  });

/** Throws RequestRefused during checks for a container that may write to the workspace. */
function requireUse({ user }: OwnContainer, { mayWrite }: Project): void {
  if (user !== null && !mayWrite)
    throw new RequestRefused('checks do not use a container that may write to the workspace: mount it read-only (:ro)');
}

/** The proxy waits for a restart when the call ends. */
function requireShortWait({ query }: Target): void {
  if (!/^(?:\d{1,2}|1[01]\d|120)?$/.test(query.get('t') ?? ''))
    throw new RequestRefused('the parameter t must be from 0 to 120 seconds');
}

const listOf = (path: string, query: string, shown: (answer: unknown, project: Project) => unknown): Rule =>
  rule('GET', path, query, ({ target, project }) => ({
    query: { filters: filtersOf(target.query.get('filters'), project) },
    shown: (answer) => shown(answer, project),
  }));

const RULES: readonly Rule[] = [
  rule('GET', '/_ping', ''),
  rule('HEAD', '/_ping', ''),
  rule('GET', '/version', ''),
  rule('GET', '/info', '', () => ({ shown: publicInfo })),
  listOf('/containers/json', 'all limit size filters', ownOf),
  rule('POST', '/containers/create', 'name platform', createContainer),
  ofContainer('GET', '/json', 'size'),
  ofContainer('GET', '/logs', 'follow stdout stderr since until timestamps tail details'),
  ofContainer('GET', '/stats', 'stream one-shot'),
  running('/start', 'detachKeys'),
  ofContainer('POST', '/stop', 't signal'),
  running('/restart', 't signal'),
  ofContainer('POST', '/kill', 'signal'),
  ofContainer('POST', '/pause', ''),
  running('/unpause', ''),
  ofContainer('POST', '/wait', 'condition'),
  ofContainer('POST', '/resize', 'h w'),
  ofContainer('POST', '/attach', 'logs stream stdin stdout stderr detachKeys', true),
  rule('DELETE', '/containers/:name', 'v force', async ({ names: [name = ''], project, lookup }) => ({
    path: `/containers/${(await ownContainer(name, project, lookup)).id}`,
    // Volumes without a name have no label: no program would count or remove them.
    query: { v: 'true' },
  })),
  rule('POST', '/containers/:name/rename', 'name', async ({ names: [name = ''], target, project, lookup }) => {
    requireOwnName(target.query.get('name') ?? '', project);
    return { path: `/containers/${(await ownContainer(name, project, lookup)).id}/rename` };
  }),
  rule('POST', '/containers/:name/exec', '', async ({ names: [name = ''], project, lookup, body }) => {
    const found = await ownContainer(name, project, lookup);
    requireUse(found, project);
    return { path: `/containers/${found.id}/exec`, body: execBody(body(), found.user) };
  }),
  rule(
    'POST',
    '/exec/:name/start',
    '',
    ofExec((body) => execStartBody(body)),
    true,
  ),
  rule('POST', '/exec/:name/resize', 'h w', ofExec(emptyBody)),
  rule('GET', '/exec/:name/json', '', ofExec(emptyBody)),
  listOf('/networks', 'filters', ownOf),
  rule('POST', '/networks/create', '', createNetwork),
  rule('GET', '/networks/:name', 'verbose scope', ofKind('network')),
  rule('DELETE', '/networks/:name', '', ofKind('network')),
  rule('POST', '/networks/:name/connect', '', connectNetwork),
  rule('POST', '/networks/:name/disconnect', '', connectNetwork),
  listOf('/volumes', 'filters', ownVolumes),
  rule('POST', '/volumes/create', '', createVolume),
  rule('GET', '/volumes/:name', '', ofKind('volume')),
  rule('DELETE', '/volumes/:name', 'force', ofKind('volume')),
  rule('GET', '/images/json', 'all filters digests'),
  rule('GET', '/images/[\\w][\\w./:@-]*/json', ''),
];

/** Rejects with RequestRefused for what does not reach the engine. */
export async function passedRequest(request: EngineRequest, project: Project, lookup: Lookup): Promise<PassedRequest> {
  const target = targetOf(request.target);
  const found = RULES.find(({ method, path }) => method === request.method && path.test(target.path));
  if (found === undefined) throw notForAgents(target.path, project);
  const names = found.path.exec(target.path)?.slice(1) ?? [];
  const query = queryOf(target, found.query);
  let isRead = false;
  const body = () => {
    isRead = true;
    return jsonBody(request.body);
  };
  const answer = await found.pass({ project, lookup: (path) => lookup(target.version + path), target, names, body });
  if (!isRead) emptyBody(jsonBody(request.body));
  for (const [name, value] of Object.entries(answer.query ?? {})) query.set(name, value);
  const asked = query.size === 0 ? '' : `?${query}`;
  return {
    method: request.method,
    target: `${target.version}${answer.path ?? target.path}${asked}`,
    body: answer.body ?? null,
    shown: answer.shown ?? null,
    streams: found.streams === true,
    starts: answer.starts ?? null,
  };
}

function notForAgents(path: string, { name }: Project): RequestRefused {
  if (path === '/build' || path === '/images/create')
    return new RequestRefused(
      'images are neither pulled nor built by agents: the operator of the engine provides them',
    );
  return new RequestRefused(
    'this request is not for agents: they create, start, stop, inspect and remove containers of the project ' +
      `${name}, read their logs and run commands in them`,
  );
}

async function createContainer({ target, project, lookup, body }: Asked): Promise<Answer> {
  const name = target.query.get('name') ?? '';
  if (name !== '') requireOwnName(name, project);
  const container = containerBody(body(), project);
  for (const network of container.networks) await requireOwn('network', network, project, lookup);
  for (const volume of container.volumes) await requireOwn('volume', volume, project, lookup);
  await requireRoom(container.memoryMb, project, lookup);
  return { body: container.body };
}

/** Throws RequestRefused where one more container would be too much. */
async function requireRoom(memoryMb: number, project: Project, lookup: Lookup): Promise<void> {
  const filters = encodeURIComponent(filtersOf(undefined, project));
  const there = ownOf(await lookup(`/containers/json?all=true&limit=${MOST.container}&filters=${filters}`), project);
  requireFewer('container', there.length);
  const most = mostMemoryMb(project);
  const taken = there.map(({ Labels }) => Number(Labels?.[MEMORY_LABEL] ?? 0));
  const sum = taken.reduce((all, one) => all + one, memoryMb);
  if (sum > most)
    throw new RequestRefused(
      `the containers of the project would have ${sum} MiB of memory, of ${most}: set less (mem_limit), or remove some`,
    );
}

const MOST = { container: MOST_CONTAINERS, network: 10, volume: 50 };

function requireFewer(kind: keyof typeof MOST, there: number): void {
  if (there >= MOST[kind])
    throw new RequestRefused(`the project has ${there} ${kind}s, and ${MOST[kind]} is the most; remove some`);
}

async function createNetwork({ body, project, lookup }: Asked): Promise<Answer> {
  const made = networkBody(body(), project);
  const filters = encodeURIComponent(filtersOf(undefined, project));
  requireFewer('network', ownOf(await lookup(`/networks?filters=${filters}`), project).length);
  return { body: made };
}

async function createVolume({ body, project, lookup }: Asked): Promise<Answer> {
  const made = volumeBody(body(), project);
  const filters = encodeURIComponent(filtersOf(undefined, project));
  requireFewer('volume', volumesOf(await lookup(`/volumes?filters=${filters}`), project).length);
  return { body: made };
}

function ofExec(bodyOf: (body: unknown) => object | undefined): Rule['pass'] {
  return async ({ names: [id = ''], project, lookup, body }) => {
    requireUse(await ownExec(id, project, lookup), project);
    return { body: bodyOf(body()) };
  };
}

function ofKind(kind: 'network' | 'volume'): Rule['pass'] {
  return async ({ names: [name = ''], project, lookup }) => {
    await requireOwn(kind, name, project, lookup);
    return {};
  };
}

async function connectNetwork({ names: [name = ''], project, lookup, body }: Asked): Promise<Answer> {
  const connection = connectionBody(body());
  await requireOwn('network', name, project, lookup);
  return { body: { ...connection, Container: (await ownContainer(connection.Container, project, lookup)).id } };
}

function volumesOf(answer: unknown, project: Project): ReturnType<typeof ownOf> {
  const list = typeof answer === 'object' && answer !== null && 'Volumes' in answer ? answer.Volumes : [];
  return ownOf(list ?? [], project);
}

function ownVolumes(answer: unknown, project: Project): unknown {
  return { Volumes: volumesOf(answer, project), Warnings: [] };
}

/** What clients need to know of the computer. */
const PUBLIC_INFO = [
  ...['ID', 'Name', 'ServerVersion', 'OSType', 'Architecture', 'OperatingSystem', 'KernelVersion', 'NCPU', 'MemTotal'],
  ...['Driver', 'CgroupDriver', 'CgroupVersion', 'SecurityOptions', 'DefaultRuntime', 'Swarm'],
];

function publicInfo(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) return {};
  return Object.fromEntries(
    Object.entries(answer)
      .filter(([name]) => PUBLIC_INFO.includes(name))
      .map(([name, value]) => (name === 'Swarm' ? [name, { LocalNodeState: 'inactive' }] : [name, value])),
  );
}

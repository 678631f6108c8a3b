/** POST /containers/create: what a container of an agent may be. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { INSIDE } from '../sandbox.js';
import {
  addressText,
  aliases,
  amount,
  checked,
  containerPath,
  fields,
  flag,
  ignored,
  isUnset,
  labelMap,
  mapOf,
  maybe,
  oneOf,
  setOf,
  spelled,
  spelledAll,
  text,
  texts,
  unset,
  userName,
  variables,
  whole,
  workingDirectory,
} from './fields.js';
import { mountsOf } from './container-mounts.js';
import { PROJECT_LABEL, type Project } from './project.js';
import { RequestRefused } from './refusal.js';
import { WRITES_LABEL } from './writers.js';

const MIB = 1024 * 1024;

const outside = 'would give the container more than its own: it is refused';
const ownNamespace = (what: string) => oneOf(['private'], `must be private: a container has its own ${what}`);

const SECOND = 1_000_000_000;
/** Nanoseconds; 0: the engine's own. Podman runs a program of the computer each time. */
const interval = maybe(z.int().refine((ns) => ns === 0 || ns >= SECOND, 'must be a second at least'));
const healthcheck = maybe(
  fields({
    Test: texts,
    Interval: interval,
    Timeout: amount,
    StartPeriod: amount,
    StartInterval: interval,
    Retries: amount,
  }),
);
const restartPolicy = maybe(
  fields({
    Name: oneOf(
      ['no', 'on-failure'],
      'must be no or on-failure: a container must not outlive what the engine is asked for',
    ),
    MaximumRetryCount: amount,
  }).refine(
    ({ Name, MaximumRetryCount = 0 }) => Name !== 'on-failure' || (MaximumRetryCount > 0 && MaximumRetryCount <= 100),
    'must have a MaximumRetryCount from 1 to 100',
  ),
);
const portName = z.string().regex(/^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/, 'must be PORT/tcp, PORT/udp or PORT/sctp');
const port = fields({ HostIp: text, HostPort: spelled(/^\d{0,5}$/, 'must be one port') }).refine(
  ({ HostIp = '' }) => ['127.0.0.1', '::1'].includes(HostIp),
  'must publish on 127.0.0.1, as in "127.0.0.1:8080:80"',
);
const logConfig = maybe(
  fields({
    Type: oneOf(['json-file', 'local', 'none'], 'must be json-file, local or none'),
    Config: maybe(
      fields({
        'max-size': spelled(/^\d{1,6}[kmg]?$/i, 'must be a size, such as 10m'),
        'max-file': spelled(/^\d{1,3}$/, 'must be a number'),
        compress: spelled(/^(?:true|false)$/, 'must be true or false'),
        mode: ignored,
        'max-buffer-size': ignored,
      }),
    ),
  }),
);
const ulimit = fields({
  Name: z.enum(['nofile', 'nproc', 'core'], 'must be nofile, nproc or core'),
  Hard: whole,
  Soft: whole,
});
const harmless = ['no-new-privileges', 'no-new-privileges:true', 'no-new-privileges=true'];
const tmpfsOptions = z
  .string()
  .regex(
    /^(?:(?:rw|ro|noexec|nosuid|nodev|size=\d+[kmg%]?|mode=[0-7]{1,4}|uid=\d+|gid=\d+)(?:,|$))*$/i,
    'has other options',
  );

const hostConfig = fields({
  // Given to the container, and nothing else.
  AutoRemove: flag,
  CapDrop: spelledAll(/^\w+$/, 'must be the name of a capability'),
  Dns: unset('is refused: a name server could be outside; the names of the project are known without one'),
  DnsOptions: spelledAll(/^[\w.:-]+$/, 'must be an option such as ndots:1'),
  DnsSearch: spelledAll(/^[\w.-]+$/, 'must be a domain'),
  ExtraHosts: spelledAll(/^[\w.-]+[:=][\w.:[\]-]+$/, 'must be HOST:ADDRESS'),
  Init: flag,
  ReadonlyRootfs: flag,
  LogConfig: logConfig,
  RestartPolicy: restartPolicy,
  PortBindings: maybe(z.record(portName, maybe(z.array(port).max(100)))),
  Tmpfs: maybe(z.record(containerPath, tmpfsOptions)),
  Ulimits: maybe(z.array(ulimit)),
  OomScoreAdj: maybe(z.int().min(0, 'must not be negative')),
  CpuShares: amount,
  CpuPeriod: amount,
  CpuQuota: amount,
  NanoCpus: amount,
  CpusetCpus: spelled(/^[\d,-]*$/, 'must be numbers'),
  CpusetMems: spelled(/^[\d,-]*$/, 'must be numbers'),
  Memory: whole,
  MemoryReservation: amount,
  PidsLimit: whole,
  ShmSize: amount,
  NetworkMode: text,
  Binds: texts,
  Mounts: maybe(z.array(z.unknown()).max(50, 'must not have more than 50')),
  IpcMode: oneOf(['private', 'none', 'shareable'], 'must be private: a container has its own shared memory'),
  PidMode: ownNamespace('processes'),
  UTSMode: ownNamespace('host name'),
  UsernsMode: unset('must not be set: containers use the user namespace that the engine gives them'),
  CgroupnsMode: ownNamespace('cgroups'),
  Isolation: oneOf(['default'], 'must be default'),
  SecurityOpt: maybe(
    z.array(z.string().refine((option) => harmless.includes(option), 'can only be no-new-privileges')),
  ),
  // Left out: they say how a client shows or bounds things, and limits are set below.
  ConsoleSize: ignored,
  MemorySwap: ignored,
  MemorySwappiness: ignored,
  // null means the engine's own paths; any list, also an empty one, replaces them.
  MaskedPaths: z
    .null(outside)
    .optional()
    .transform(() => undefined),
  ReadonlyPaths: z
    .null(outside)
    .optional()
    .transform(() => undefined),
  Privileged: unset('is refused: it would give the container the whole computer'),
  PublishAllPorts: unset('is refused: publish single ports on 127.0.0.1'),
  CapAdd: unset('is refused: a container gets no further capabilities'),
  Devices: unset('is refused: a container gets no devices'),
  DeviceRequests: unset('is refused: a container gets no devices'),
  DeviceCgroupRules: unset('is refused: a container gets no devices'),
  Sysctls: unset('is refused: they may hold for the whole computer'),
  VolumesFrom: unset('is refused: name the volumes'),
  Runtime: oneOf([], 'is refused: containers have the default runtime of the engine'),
  CgroupParent: unset('is refused: the engine places containers'),
  GroupAdd: unset('is refused: a container gets no groups of the computer'),
});

const endpoint = maybe(
  fields({
    Aliases: aliases,
    IPAMConfig: maybe(fields({ IPv4Address: addressText, IPv6Address: addressText })),
    NetworkID: ignored,
    DNSNames: ignored,
  }),
);

const body = fields({
  Image: z.string().regex(/^(?!.*\/\/)[\w][\w./:@-]{0,500}$/, 'must name an image'),
  Hostname: spelled(/^[\w.-]{0,253}$/, 'must be a host name'),
  Domainname: spelled(/^[\w.-]{0,253}$/, 'must be a domain'),
  User: userName,
  WorkingDir: workingDirectory,
  StopSignal: spelled(/^[\w+-]*$/, 'must be a signal'),
  StopTimeout: maybe(z.int().min(0, 'must not be negative').max(120, 'must be 120 seconds at most')),
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  NetworkDisabled: flag,
  ExposedPorts: setOf(portName),
  Volumes: setOf(containerPath),
  Env: variables,
  Cmd: maybe(z.union([z.string(), z.array(z.string())])),
  Entrypoint: maybe(z.union([z.string(), z.array(z.string())])),
  Shell: texts,
  Healthcheck: healthcheck,
  Labels: labelMap,
  ArgsEscaped: ignored,
  HostConfig: maybe(hostConfig),
  NetworkingConfig: maybe(fields({ EndpointsConfig: mapOf(endpoint) })),
});

export interface ContainerBody {
  /** To be sent to the engine. */
  readonly body: object;
  /** Names or ids that must be the project's. */
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  readonly memoryMb: number;
}

/** Throws RequestRefused. */
export function containerBody(given: unknown, project: Project): ContainerBody {
  const { HostConfig, NetworkingConfig, Volumes = {}, ...config } = checked(body, given);
  const host = HostConfig ?? checked(hostConfig, {});
  const mounts = mountsOf({ ...host, Volumes: Object.keys(Volumes) }, project);
  if (mounts.writesWorkspace) requireWriter(config.User, host.RestartPolicy?.Name, project);
  const memoryMb = memoryMbOf(host.Memory, project);
  const network = networkOf(host.NetworkMode);
  const endpoints = Object.entries(NetworkingConfig?.EndpointsConfig ?? {}).filter(
    ([name, value]) => name !== 'default' || !isUnset(value),
  );
  return {
    body: {
      ...config,
      Labels: {
        ...labelsOf(config.Labels, project),
        [MEMORY_LABEL]: `${memoryMb}`,
        ...(mounts.writesWorkspace ? { [WRITES_LABEL]: 'true' } : {}),
      },
      HostConfig: {
        ...host,
        Mounts: mounts.mounts,
        Binds: undefined,
        NetworkMode: network,
        ...limitsOf(host, memoryMb, project),
        IpcMode: host.IpcMode === 'none' ? 'none' : 'private',
        CgroupnsMode: 'private',
        SecurityOpt: ['no-new-privileges'],
      },
      ...(endpoints.length === 0 ? {} : { NetworkingConfig: { EndpointsConfig: Object.fromEntries(endpoints) } }),
    },
    networks: [...new Set([...(network === 'none' ? [] : [network]), ...endpoints.map(([name]) => name)])],
    volumes: mounts.volumes,
    memoryMb,
  };
}

/** Without a network of the project there is none: the engine's own bridge leads to the internet. */
function networkOf(mode: string | undefined): string {
  if (mode === undefined || mode === '' || mode === 'default' || mode === 'none') return 'none';
  if (!/^[\w][\w.-]*$/.test(mode) || ['host', 'bridge', 'private', 'slirp4netns', 'pasta'].includes(mode))
    throw new RequestRefused('HostConfig.NetworkMode is refused: use a network of the project', 403, mode);
  return mode;
}

/** Throws RequestRefused for the label of another project. */
export function labelsOf(labels: Readonly<Record<string, string>> | undefined, { name }: Project): object {
  const given = labels?.[PROJECT_LABEL] ?? name;
  if (given !== name)
    throw new RequestRefused(`the project must be ${name}: leave out --project-name and name:`, 403, given);
  return { ...labels, [PROJECT_LABEL]: name };
}

/**
 * A process that is root in a container could leave files in the workspace that make others root. The engine must not
 * start it again after the call that has started it. Throws RequestRefused.
 */
function requireWriter(user: string | undefined, restart: string | undefined, project: Project): void {
  const readOnly = `mount ${INSIDE.workspace} read-only (:ro)`;
  if (!project.mayWrite) throw new RequestRefused(`no container writes to the workspace during checks: ${readOnly}`);
  if (user !== project.user)
    throw new RequestRefused(
      `a container that may write to ${INSIDE.workspace} runs as its owner: ` +
        `set user: "${project.user}", or ${readOnly}`,
    );
  if (restart === 'on-failure')
    throw new RequestRefused(
      `a container that may write to ${INSIDE.workspace} is stopped when the call ends: ` +
        `leave out restart, or ${readOnly}`,
    );
}

/** Of containers whose file names no memory: a quarter of a call's, and all of a project's have four calls'. */
const SHARE = 4;
/** MiB, on each container; clients cannot set it. */
export const MEMORY_LABEL = 'ravenhelm.memory-mb';
export const mostMemoryMb = ({ limits }: Project): number => limits.memory_mb * SHARE;

function memoryMbOf(given: number | undefined, { limits }: Project): number {
  if (given === undefined || given === 0) return Math.ceil(limits.memory_mb / SHARE);
  return given < 0 ? limits.memory_mb : Math.min(Math.ceil(given / MIB), limits.memory_mb);
}

/** Half of the computer, at least one processor. */
const MOST_NANO_CPUS = Math.max(1, Math.floor(availableParallelism() / 2)) * 1e9;

type HostConfig = z.output<typeof hostConfig>;

/** At most those of one call. */
function limitsOf(host: HostConfig, memoryMb: number, { limits }: Project): object {
  const within = (given: number | undefined, most: number) =>
    given === undefined || given <= 0 || given > most ? most : given;
  const { CpuQuota = 0, CpuPeriod = 100_000, NanoCpus = 0 } = host;
  const asked = NanoCpus === 0 && CpuPeriod > 0 ? Math.round((CpuQuota / CpuPeriod) * 1e9) : NanoCpus;
  const Memory = host.Memory !== undefined && host.Memory > 0 ? Math.min(host.Memory, memoryMb * MIB) : memoryMb * MIB;
  return {
    Memory,
    MemorySwap: Memory,
    MemoryReservation: undefined,
    PidsLimit: within(host.PidsLimit, limits.processes),
    NanoCpus: within(asked, MOST_NANO_CPUS),
    CpuQuota: undefined,
    CpuPeriod: undefined,
    CpuShares: host.CpuShares === undefined ? undefined : Math.min(host.CpuShares, 1_024),
    Ulimits: host.Ulimits?.map(withinUlimit),
    // Without a bound the log of a container can fill the disk.
    LogConfig: {
      Type: host.LogConfig?.Type === 'none' ? 'none' : 'json-file',
      Config: logBounds(host.LogConfig?.Type),
    },
  };
}

const logBounds = (type: string | undefined) => (type === 'none' ? {} : { 'max-size': '10m', 'max-file': '3' });

const MOST_OF_ULIMIT = { nofile: 65_536, nproc: 65_536, core: 0 };

function withinUlimit({ Name, Soft, Hard }: z.output<typeof ulimit>): object {
  const most = MOST_OF_ULIMIT[Name];
  const within = (given: number | undefined) => (given === undefined || given < 0 ? most : Math.min(given, most));
  return { Name, Soft: Math.min(within(Soft), within(Hard)), Hard: within(Hard) };
}

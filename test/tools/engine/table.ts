/** Requests to an engine's proxy, and what happens to each: the same on a recording engine and on a real one. */
import { availableParallelism } from 'node:os';
import { PROJECT_LABEL, type Project } from '../../../src/tools/engine/project.js';

/** What there is in the engine. Names are as an agent's client would write them. */
export interface World {
  readonly project: Project;
  readonly image: string;
  /** A running container of the project; its full id. */
  readonly own: string;
  /** A running container of another project; its name. */
  readonly foreign: string;
  /** Of commands in these containers. */
  readonly ownExec: string;
  readonly foreignExec: string;
  /** Names. */
  readonly network: string;
  readonly foreignNetwork: string;
  readonly volume: string;
  readonly foreignVolume: string;
}

export interface Row {
  readonly name: string;
  readonly method: string;
  readonly target: string;
  readonly body?: unknown;
}

export interface Allowed extends Row {
  /** What the engine gets of the body at least; absent: nothing is said about it. */
  readonly sends?: object;
  /** What it must not get anywhere. */
  readonly withholds?: string;
  /** Its target, where it differs. */
  readonly as?: string;
  /** What a real engine answers; absent: success. */
  readonly status?: readonly number[];
}

export interface Refused extends Row {
  readonly status: 400 | 403 | 404;
  readonly why: RegExp;
}

/** Half of the computer, at least one processor. */
const MOST_NANO_CPUS = Math.max(1, Math.floor(availableParallelism() / 2)) * 1e9;

const create = (name: string) => `/v1.41/containers/create?name=${name}`;

/** Bodies of POST /containers/create that are refused, by what is in HostConfig, or beside it. */
const REFUSED_CONTAINERS = ({
  foreignNetwork,
  foreignVolume,
  foreign,
  volume,
}: World): Readonly<Record<string, readonly [object, RegExp, (404 | 'config')?]>> => ({
  Privileged: [{ Privileged: true }, /Privileged is refused/],
  'privileged in lower case': [
    { privileged: true },
    /^ravenhelm: HostConfig has a field that agents may not set; they may set /,
  ],
  'Privileged in capitals': [{ PRIVILEGED: true }, /HostConfig has a field that/],
  'another type of Privileged': [{ Privileged: 'true' }, /Privileged is refused/],
  'the network of the host': [{ NetworkMode: 'host' }, /NetworkMode is refused/],
  'the network of the host in capitals': [{ NetworkMode: 'HOST' }, /No such network/, 404],
  'the bridge to the internet': [{ NetworkMode: 'bridge' }, /NetworkMode is refused/],
  'the network of a container': [{ NetworkMode: `container:${foreign}` }, /NetworkMode is refused/],
  'the network of a namespace': [{ NetworkMode: 'ns:/proc/1/ns/net' }, /NetworkMode is refused/],
  'the network of another project': [{ NetworkMode: foreignNetwork }, /No such network/, 404],
  'the processes of the host': [{ PidMode: 'host' }, /PidMode must be private/],
  'the processes of a container': [{ PidMode: `container:${foreign}` }, /PidMode must be private/],
  'the shared memory of the host': [{ IpcMode: 'host' }, /IpcMode must be private/],
  'the shared memory of a container': [{ IpcMode: `container:${foreign}` }, /IpcMode must be private/],
  'the host name of the host': [{ UTSMode: 'host' }, /UTSMode must be private/],
  'the user namespace of the host': [{ UsernsMode: 'host' }, /UsernsMode must not be set/],
  'the cgroups of the host': [{ CgroupnsMode: 'host' }, /CgroupnsMode must be private/],
  'a parent of cgroups': [{ CgroupParent: '/' }, /CgroupParent is refused/],
  'a capability': [{ CapAdd: ['SYS_ADMIN'] }, /CapAdd is refused/],
  'all capabilities': [{ CapAdd: ['ALL'] }, /CapAdd is refused/],
  'a device': [
    { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] },
    /Devices/,
  ],
  'a request for devices': [{ DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] }, /DeviceRequests is refused/],
  'a rule for devices': [{ DeviceCgroupRules: ['a *:* rwm'] }, /DeviceCgroupRules is refused/],
  'no system call filter': [{ SecurityOpt: ['seccomp=unconfined'] }, /SecurityOpt.0 can only be no-new-privileges/],
  'no AppArmor': [{ SecurityOpt: ['no-new-privileges', 'apparmor:unconfined'] }, /SecurityOpt.1 can only be/],
  'new privileges': [{ SecurityOpt: ['no-new-privileges:false'] }, /SecurityOpt.0 can only be/],
  'paths that are not masked': [{ MaskedPaths: [] }, /MaskedPaths would give the container more/],
  'paths that can be written': [{ ReadonlyPaths: ['/proc/sys'] }, /ReadonlyPaths would give the container more/],
  'kernel settings': [{ Sysctls: { 'net.ipv4.ip_forward': '1' } }, /Sysctls is refused/],
  'another runtime': [{ Runtime: 'other' }, /Runtime is refused/],
  'groups of the computer': [{ GroupAdd: ['0'] }, /GroupAdd is refused/],
  'volumes of a container': [{ VolumesFrom: [foreign] }, /VolumesFrom is refused/],
  'a driver of volumes': [{ VolumeDriver: 'local-persist' }, /HostConfig has a field that/],
  'a file for its id': [{ ContainerIDFile: '/etc/cron.d/x' }, /HostConfig has a field that/],
  'podman annotations': [
    { Annotations: { 'io.podman.annotations.privileged': 'TRUE' } },
    /HostConfig has a field that/,
  ],
  'a negative score for memory': [{ OomScoreAdj: -1000 }, /OomScoreAdj must not be negative/],
  'no end for want of memory': [{ OomKillDisable: true }, /HostConfig has a field that/],
  'weights of disks': [{ BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1 }] }, /HostConfig has a field that/],
  'a log that is sent elsewhere': [
    { LogConfig: { Type: 'syslog', Config: { 'syslog-address': 'udp://192.0.2.1:514' } } },
    /LogConfig.Type must be json-file/,
  ],
  'an option of a log': [
    { LogConfig: { Type: '', Config: { tag: '{{.ID}}', path: '/x' } } },
    /LogConfig.Config has a field that/,
  ],
  'an endless restart': [{ RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } }, /RestartPolicy.Name must be no/],
  'a restart unless stopped': [{ RestartPolicy: { Name: 'unless-stopped' } }, /RestartPolicy.Name must be no/],
  'a restart without a bound': [{ RestartPolicy: { Name: 'on-failure' } }, /MaximumRetryCount from 1 to 100/],
  'a port on all addresses': [
    { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
    /publish on 127.0.0.1/,
  ],
  'a port on one address': [{ PortBindings: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '1' }] } }, /PortBindings/],
  'all ports': [{ PublishAllPorts: true }, /PublishAllPorts is refused/],
  'a directory of the computer': [{ Binds: ['/etc:/host:ro'] }, /a mount of another directory is refused/],
  'the root of the computer': [{ Binds: ['/:/host'] }, /a mount of another directory is refused/],
  'the socket of the engine': [{ Binds: ['/var/run/docker.sock:/s'] }, /a mount of another directory is refused/],
  'a part of the workspace': [
    { Binds: ['/workspace/a:/a:ro'] },
    /a mount of another directory is refused.*whole workspace/,
  ],
  'a way out of the workspace': [{ Binds: ['/workspace/..:/a:ro'] }, /a mount of another directory is refused/],
  'another spelling of the workspace': [{ Binds: ['/workspace/.:/a:ro'] }, /a mount of another directory is refused/],
  'a directory whose name begins the same': [
    { Binds: ['/workspaces:/a:ro'] },
    /a mount of another directory is refused/,
  ],
  'a relative directory': [{ Binds: ['./a:/a:ro'] }, /a mount of another directory is refused/],
  'the workspace, written by root': [{ Binds: ['/workspace:/w'] }, /runs as its owner: set user: "/],
  'a bind with an option': [{ Binds: ['/workspace:/w:ro,shared'] }, /use SOURCE:TARGET/],
  'a bind that is labelled': [{ Binds: ['/workspace:/w:ro,Z'] }, /use SOURCE:TARGET/],
  'a bind with more parts': [{ Binds: ['/workspace:/w:ro:/etc'] }, /use SOURCE:TARGET/],
  'a volume of another project': [{ Binds: [`${foreignVolume}:/v`] }, /No such volume/, 404],
  'a volume that would be made': [{ Binds: ['unknown:/v'] }, /No such volume/, 404],
  'a volume with a path for a name': [{ Binds: ['a%2f..:/v'] }, /must have a name of letters/],
  'a mount of the computer': [
    { Mounts: [{ Type: 'bind', Source: '/etc', Target: '/e' }] },
    /a mount of another directory is refused/,
  ],
  'a mount of the workspace, written by root': [
    { Mounts: [{ Type: 'bind', Source: '/workspace', Target: '/w' }] },
    /runs as its owner/,
  ],
  'a mount that is shared': [
    {
      Mounts: [
        { Type: 'bind', Source: '/workspace', Target: '/w', ReadOnly: true, BindOptions: { Propagation: 'shared' } },
      ],
    },
    /Propagation must be rprivate/,
  ],
  'a mount with a driver': [
    {
      Mounts: [
        {
          Type: 'volume',
          Source: volume,
          Target: '/v',
          VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } } },
        },
      ],
    },
    /DriverConfig is refused/,
  ],
  'a part of a volume': [
    { Mounts: [{ Type: 'volume', Source: volume, Target: '/v', VolumeOptions: { Subpath: '../..' } }] },
    /Subpath is refused/,
  ],
  'another type of mount': [
    { Mounts: [{ Type: 'npipe', Source: 'x', Target: '/v' }] },
    /Type must be bind, volume or tmpfs/,
  ],
  'a mount with another field': [
    { Mounts: [{ Type: 'tmpfs', Target: '/t', source: '/etc' }] },
    /HostConfig.Mounts.0 has a field that/,
  ],
  'a relative target': [{ Mounts: [{ Type: 'tmpfs', Target: 't' }] }, /Mounts.0.Target must be an absolute path/],
  'a source in the target of a volume': [
    { Mounts: [{ Type: 'volume', Target: `/x,source=${foreignVolume}` }] },
    /Mounts.0.Target must be an absolute path/,
  ],
  'options of a driver in the target of a volume': [
    { Mounts: [{ Type: 'volume', Target: '/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/' }] },
    /Mounts.0.Target must be an absolute path/,
  ],
  'a source in the target of a bind': [
    { Mounts: [{ Type: 'bind', Source: '/workspace', ReadOnly: true, Target: '/x,source=/' }] },
    /Mounts.0.Target must be an absolute path/,
  ],
  'another owner in the target of a bind': [
    { Mounts: [{ Type: 'bind', Source: '/workspace', ReadOnly: true, Target: '/x,U=true' }] },
    /Mounts.0.Target must be an absolute path/,
  ],
  'a quoted target': [{ Mounts: [{ Type: 'volume', Target: '/x"\n,source=/' }] }, /Target must be an absolute path/],
  'options in the target of a bind': [
    { Binds: ['/workspace:/w,source=/etc:ro'] },
    /the target must be an absolute path/,
  ],
  'a target with ..': [{ Binds: ['/workspace:/w/../x:ro'] }, /the target must be an absolute path.*without/],
  'a target in /proc': [{ Mounts: [{ Type: 'tmpfs', Target: '/proc/x' }] }, /must not lie in \/proc/],
  'a tmpfs with a source': [{ Mounts: [{ Type: 'tmpfs', Source: '/etc', Target: '/t' }] }, /a tmpfs has no source/],
  'options in the path of a tmpfs': [{ Tmpfs: { '/t:dev,suid,exec': '' } }, /Tmpfs\.\* must be an absolute path/],
  'a label whose name has a =': [
    { Labels: { [`${PROJECT_LABEL}=other`]: 'x' } },
    /Labels\.\* must be a label of letters/,
    'config',
  ],
  "a label of the proxy's": [{ Labels: { 'ravenhelm.memory-mb': '1' } }, /programs of the engine act/, 'config'],
  'a label that podman auto-update acts on': [
    { Labels: { PODMAN_SYSTEMD_UNIT: 'ssh.service' } },
    /programs of the engine act/,
    'config',
  ],
  'a directory that is a descriptor': [{ WorkingDir: '/proc/self/fd/8' }, /WorkingDir must be/, 'config'],
  'a directory with ..': [{ WorkingDir: '/a/../proc/self/fd/8' }, /WorkingDir must be/, 'config'],
  'a host name with a line': [{ Hostname: 'a\nb' }, /Hostname must be/, 'config'],
  'a user with a line': [{ User: '0:0\n' }, /User must be USER/, 'config'],
  'a health check without a pause': [{ Healthcheck: { Test: ['CMD', 'x'], Interval: 1 } }, /be a second/, 'config'],
  'all ports exposed': [{ ExposedPorts: { '1-65535/tcp': {} } }, /ExposedPorts\.\* must be PORT/, 'config'],
  'an image of a transport': [{ Image: 'docker://x/y' }, /must name an image/, 'config'],
  'a range of ports': [
    { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '1-65535' }] } },
    /HostPort must be one port/,
  ],
  'a port with options': [
    { PortBindings: { '80/tcp,1': [{ HostIp: '127.0.0.1', HostPort: '1' }] } },
    /PortBindings\.\* must be PORT/,
  ],
  'a limit of its priority': [{ Ulimits: [{ Name: 'rtprio', Soft: 99, Hard: 99 }] }, /Ulimits.0.Name must be nofile/],
  'a limit of locked memory': [{ Ulimits: [{ Name: 'memlock', Soft: -1, Hard: -1 }] }, /Ulimits.0.Name must be/],
  'a limit with another one in it': [{ Ulimits: [{ Name: 'nofile=1 --x', Soft: 1, Hard: 1 }] }, /Ulimits.0.Name/],
  'a name server': [{ Dns: ['192.0.2.1'] }, /Dns is refused/],
  'a host with a line': [{ ExtraHosts: ['a:1.2.3.4\nb'] }, /ExtraHosts.0 must be HOST/],
  'a log option with another one in it': [
    { LogConfig: { Type: 'json-file', Config: { 'max-size': '1m,path=/x' } } },
    /max-size must be a size/,
  ],
  "all variables of the engine's program": [{ Env: ['A=b', '*'] }, /Env.1 must be NAME=VALUE/, 'config'],
  "variables of the engine's program by their beginning": [{ Env: ['AWS_*'] }, /Env.0 must be/, 'config'],
  'variables with a * before the =': [{ Env: ['AWS_*=x'] }, /Env.0 must be NAME=VALUE/, 'config'],
  'the root of the computer as a volume without a name': [
    { Volumes: { '/:/host': {} } },
    /Volumes\.\* must be an absolute path/,
    'config',
  ],
  'a foreign volume as one without a name': [
    { Volumes: { [`${foreignVolume}:/x`]: {} } },
    /Volumes\.\* must be an absolute path/,
    'config',
  ],
  'a tmpfs with devices': [{ Tmpfs: { '/t': 'rw,dev,suid' } }, /Tmpfs.* has other options/],
});

export function refusedRows(world: World): readonly Refused[] {
  const { project, image, own, foreign, foreignExec, foreignNetwork, foreignVolume, network } = world;
  const name = `${project.name}-x`;
  const bodies = Object.entries(REFUSED_CONTAINERS(world)).map(
    ([what, [given, why, more]]): Refused => ({
      name: `a container with ${what}`,
      method: 'POST',
      target: create(name),
      body: { Image: image, ...(more === 'config' ? given : { HostConfig: given }) },
      status: more === 404 ? 404 : 403,
      why,
    }),
  );
  const missing = (method: string, target: string, body?: unknown): Refused => ({
    name: `${method} of what is another project's: ${target.replaceAll(/[0-9a-f]{64}/g, 'ID')}`,
    method,
    target,
    ...(body === undefined ? {} : { body }),
    status: 404,
    why: /No such (?:container|network|volume|exec instance)/,
  });
  const forbidden = (method: string, target: string, why = /is not for agents/, body?: unknown): Refused => ({
    name: `${method} ${target.replaceAll(/[0-9a-f]{64}/g, 'ID')}`,
    method,
    target,
    ...(body === undefined ? {} : { body }),
    status: 403,
    why,
  });
  const spelled = (target: string, why = /characters or a form/): Refused => ({
    name: `the path ${target.replaceAll(/[0-9a-f]{64}/g, 'ID')}`,
    method: 'GET',
    target,
    status: 400,
    why,
  });
  return [
    ...bodies,
    {
      name: 'a container with the label of another project',
      method: 'POST',
      target: create(name),
      body: { Image: image, Labels: { 'com.docker.compose.project': 'other' } },
      status: 403,
      why: /the project must be /,
    },
    {
      name: 'a container with a network of another project beside its own',
      method: 'POST',
      target: create(name),
      body: {
        Image: image,
        HostConfig: { NetworkMode: network },
        NetworkingConfig: { EndpointsConfig: { [network]: {}, [foreignNetwork]: {} } },
      },
      status: 404,
      why: /No such network/,
    },
    {
      name: 'a container with a network that is a path',
      method: 'POST',
      target: create(name),
      body: { Image: image, NetworkingConfig: { EndpointsConfig: { '../containers/json?': {} } } },
      status: 404,
      why: /No such network/,
    },
    forbidden('POST', create('database'), /names begin with/, { Image: image }),
    forbidden(
      'POST',
      `${create(name)}&platform=linux/arm64&pod=x`,
      /a parameter is not one that agents may set here; they may set name, platform/,
      { Image: image },
    ),
    forbidden('POST', create(name), /Image must name an image/, { Image: '../x' }),
    forbidden('POST', create(name), /body expected|Invalid input/, []),
    ...['json', 'logs?stdout=1'].map((what) => missing('GET', `/containers/${foreign}/${what}`)),
    ...['start', 'stop', 'kill', 'restart', 'pause', 'wait', 'attach', 'resize?h=1&w=1'].map((what) =>
      missing('POST', `/v1.41/containers/${foreign}/${what}`),
    ),
    missing('DELETE', `/containers/${foreign}?force=1`),
    missing('POST', `/containers/${foreign}/exec`, { Cmd: ['id'] }),
    missing('POST', `/containers/${foreign}/rename?name=${name}`),
    missing('POST', `/exec/${foreignExec}/start`, { Detach: true }),
    missing('GET', `/exec/${foreignExec}/json`),
    missing('GET', `/networks/${foreignNetwork}`),
    missing('GET', '/networks/host'),
    missing('DELETE', `/networks/${foreignNetwork}`),
    missing('POST', `/networks/${foreignNetwork}/connect`, { Container: own }),
    missing('POST', `/networks/${network}/connect`, { Container: foreign }),
    missing('GET', `/volumes/${foreignVolume}`),
    missing('DELETE', `/volumes/${foreignVolume}?force=1`),
    forbidden('POST', `/containers/${own}/exec`, /Privileged is refused/, { Cmd: ['id'], Privileged: true }),
    forbidden('POST', `/containers/${own}/exec`, /WorkingDir must be/, { Cmd: ['id'], WorkingDir: '/proc/self/fd/8' }),
    forbidden('POST', `/containers/${own}/exec`, /Env.0 must be NAME=VALUE/, { Cmd: ['id'], Env: ['*'] }),
    forbidden('POST', `/containers/${own}/rename?name=database`, /names begin with/),
    forbidden('POST', '/networks/create', /names begin with/, { Name: 'other_default' }),
    forbidden('POST', '/networks/create', /Driver must be bridge/, { Name: `${project.name}_m`, Driver: 'macvlan' }),
    forbidden('POST', '/networks/create', /Options is refused/, {
      Name: `${project.name}_m`,
      Options: { 'com.docker.network.bridge.name': 'eth0' },
    }),
    forbidden('POST', '/networks/create', /IPAM.Config is refused/, {
      Name: `${project.name}_m`,
      IPAM: { Config: [{ Subnet: '10.0.0.0/8' }] },
    }),
    forbidden('POST', '/networks/create', /the body has a field that/, {
      Name: `${project.name}_m`,
      ConfigFrom: { Network: 'x' },
    }),
    forbidden('POST', '/volumes/create', /DriverOpts is refused/, {
      Name: `${project.name}_m`,
      DriverOpts: { type: 'none', o: 'bind', device: '/etc' },
    }),
    forbidden('POST', '/volumes/create', /Driver must be local/, { Name: `${project.name}_m`, Driver: 'vieux/sshfs' }),
    forbidden('POST', '/volumes/create', /names begin with/, { Name: 'other_data' }),
    forbidden('POST', '/build', /neither pulled nor built/),
    forbidden('POST', '/v1.41/images/create?fromImage=alpine', /neither pulled nor built/),
    ...[
      `/containers/${own}/update`,
      `/commit?container=${own}`,
      '/containers/prune',
      '/images/load',
      '/swarm/init',
    ].map((target) => forbidden('POST', target)),
    ...['/plugins/pull', '/auth', '/session', '/grpc', '/services/create', '/secrets/create', '/volumes/prune'].map(
      (target) => forbidden('POST', target),
    ),
    ...['/events', '/system/df', '/swarm', '/plugins', '/secrets', '/images/search?term=x', '/libpod/info'].map(
      (target) => forbidden('GET', target),
    ),
    ...['archive?path=/', 'export', 'top', 'changes'].map((what) => forbidden('GET', `/containers/${own}/${what}`)),
    forbidden('PUT', `/containers/${own}/archive?path=/`),
    forbidden('DELETE', `/images/${image}`),
    forbidden('GET', `/v4.0.0/libpod/containers/${foreign}/json`),
    forbidden('GET', '/V1.41/containers/json'),
    forbidden('GET', '/Containers/json'),
    spelled(`/containers/${foreign}%2fjson`),
    spelled(`/containers/%2e%2e/containers/${foreign}/json`),
    spelled(`/containers/../containers/${foreign}/json`),
    spelled(`/containers/${own}/../${foreign}/json`),
    spelled('//containers/json'),
    spelled('/containers//json'),
    spelled('/./containers/json'),
    spelled('/v1.41/v1.41/../containers/json'),
    spelled('/v1.40/containers/json', /version of the API is older than v1.41/),
    spelled('/containers/json#x'),
    spelled('/containers/json;x'),
    spelled('http://other/containers/json'),
    spelled('*'),
    spelled('/containers/json?all=1&all=0', /a parameter is given twice/),
    spelled('/containers/json?filters=%7B', /filters is not as the engine takes it/),
  ];
}

export function allowedRows(world: World): readonly Allowed[] {
  const { project, image, own, ownExec, network, volume } = world;
  const label = { 'com.docker.compose.project': project.name };
  const filters = (given: object) =>
    `filters=${encodeURIComponent(JSON.stringify({ ...given, label: [`${PROJECT_LABEL}=${project.name}`] }))}`;
  const get = (target: string): Allowed => ({
    name: `GET ${target.replaceAll(/[0-9a-f]{64}/g, 'ID')}`,
    method: 'GET',
    target,
  });
  const post = (name: string, target: string, body?: unknown, more: Partial<Allowed> = {}): Allowed => ({
    name,
    method: 'POST',
    target,
    ...(body === undefined ? {} : { body }),
    ...more,
  });
  const made = (name: string, HostConfig: object, more: object, sends: object): Allowed =>
    post(
      `a container with ${name}`,
      create(`${project.name}-${name.replaceAll(/\W+/g, '-')}`),
      { Image: image, HostConfig, ...more },
      { sends },
    );
  return [
    get('/_ping'),
    get('/v1.41/version'),
    get('/info'),
    { ...get('/containers/json?all=1'), as: `/containers/json?all=1&${filters({})}` },
    {
      ...get(`/v1.41/containers/json?filters=${encodeURIComponent('{"status":{"running":true}}')}`),
      as: `/v1.41/containers/json?${filters({ status: ['running'] })}`,
    },
    made(
      'nothing more',
      {},
      {},
      {
        Image: image,
        Labels: label,
        HostConfig: {
          NetworkMode: 'none',
          SecurityOpt: ['no-new-privileges'],
          Memory: (project.limits.memory_mb / 4) * 1024 * 1024,
          MemorySwap: (project.limits.memory_mb / 4) * 1024 * 1024,
          PidsLimit: project.limits.processes,
          NanoCpus: MOST_NANO_CPUS,
          IpcMode: 'private',
          CgroupnsMode: 'private',
          LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
        },
      },
    ),
    // As docker's client sends it.
    made(
      'all that clients leave unset',
      {
        ...{ Binds: null, ContainerIDFile: '', LogConfig: { Type: '', Config: {} }, NetworkMode: 'default' },
        ...{
          PortBindings: {},
          RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
          AutoRemove: false,
          VolumeDriver: '',
        },
        ...{ VolumesFrom: null, ConsoleSize: [24, 80], CapAdd: null, CapDrop: null, CgroupnsMode: '', Dns: [] },
        ...{ DnsOptions: [], DnsSearch: [], ExtraHosts: null, GroupAdd: null, IpcMode: '', Cgroup: '', Links: null },
        ...{ OomScoreAdj: 0, PidMode: '', Privileged: false, PublishAllPorts: false, ReadonlyRootfs: false },
        ...{ SecurityOpt: null, UTSMode: '', UsernsMode: '', ShmSize: 0, Isolation: '', CpuShares: 0, Memory: 0 },
        ...{ NanoCpus: 0, CgroupParent: '', BlkioWeight: 0, BlkioWeightDevice: [], MemorySwappiness: -1, Devices: [] },
        ...{ DeviceCgroupRules: null, DeviceRequests: null, OomKillDisable: false, PidsLimit: 0, Ulimits: [] },
        ...{
          CpuCount: 0,
          CpuPercent: 0,
          IOMaximumIOps: 0,
          IOMaximumBandwidth: 0,
          MaskedPaths: null,
          ReadonlyPaths: null,
        },
      },
      {
        Hostname: '',
        Tty: false,
        Cmd: ['id'],
        OnBuild: null,
        NetworkingConfig: { EndpointsConfig: { default: { Aliases: null } } },
      },
      { Cmd: ['id'], HostConfig: { NetworkMode: 'none', PidsLimit: project.limits.processes } },
    ),
    made(
      'what a service has',
      {
        NetworkMode: network,
        Mounts: [{ Type: 'volume', Source: volume, Target: '/data', VolumeOptions: {} }],
        Tmpfs: { '/t': 'rw,size=64m' },
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
        PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
        CapDrop: ['ALL'],
        Init: false,
      },
      {
        Env: ['A=b'],
        Cmd: ['sleep', '1'],
        ExposedPorts: { '80/tcp': {} },
        Labels: { ...label, 'com.docker.compose.service': 'web' },
        Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000 },
        NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: ['web'] } } },
      },
      {
        Env: ['A=b'],
        Labels: { ...label, 'com.docker.compose.service': 'web' },
        HostConfig: { NetworkMode: network, Mounts: [{ Type: 'volume', Source: volume, Target: '/data' }] },
        NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: ['web'] } } },
      },
    ),
    made(
      'volumes without a name',
      { Mounts: [{ Type: 'volume', Source: volume, Target: '/data' }] },
      { Volumes: { '/data': {}, '/cache/': {} } },
      {
        HostConfig: {
          Mounts: [
            { Type: 'volume', Source: volume, Target: '/data' },
            { Type: 'volume', Source: '', Target: '/cache' },
          ],
        },
      },
    ),
    made(
      'the workspace to read',
      { Binds: ['/workspace:/w:ro'] },
      {},
      { HostConfig: { Mounts: [{ Type: 'bind', Source: project.workspace, Target: '/w', ReadOnly: true }] } },
    ),
    made(
      'the workspace to write as its owner',
      { Mounts: [{ Type: 'bind', Source: '/workspace/', Target: '/w' }] },
      { User: project.user },
      { User: project.user, HostConfig: { Mounts: [{ Type: 'bind', Source: project.workspace, Target: '/w' }] } },
    ),
    made(
      'less memory',
      { Memory: 64 * 1024 * 1024, MemorySwap: -1, PidsLimit: 10 },
      {},
      {
        HostConfig: { Memory: 64 * 1024 * 1024, MemorySwap: 64 * 1024 * 1024, PidsLimit: 10 },
      },
    ),
    made(
      'more of everything than there is',
      {
        ...{ NanoCpus: 1e15, CpuShares: 1e6, IpcMode: 'shareable', CpuPeriod: 0 },
        Ulimits: [
          { Name: 'nofile', Soft: 1024, Hard: project.limits.processes },
          { Name: 'core', Soft: -1, Hard: -1 },
        ],
        LogConfig: { Type: 'local', Config: { 'max-size': '9g' } },
      },
      {},
      {
        HostConfig: {
          ...{ NanoCpus: MOST_NANO_CPUS, CpuShares: 1_024, IpcMode: 'private' },
          Ulimits: [
            { Name: 'nofile', Soft: project.limits.processes, Hard: project.limits.processes },
            { Name: 'core', Soft: 0, Hard: 0 },
          ],
          LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
        },
      },
    ),
    made('half a processor', { CpuQuota: 50_000, CpuPeriod: 100_000 }, {}, { HostConfig: { NanoCpus: 5e8 } }),
    made(
      'too much memory',
      { Memory: 1e15, PidsLimit: -1 },
      {},
      {
        HostConfig: { Memory: project.limits.memory_mb * 1024 * 1024, PidsLimit: project.limits.processes },
      },
    ),
    post(
      'a container with names of variables without a value',
      create(`${project.name}-names`),
      { Image: image, Env: ['PATH', 'A=b*'] },
      { sends: { Env: ['A=b*'] }, withholds: 'PATH' },
    ),
    get(`/containers/${own}/json`),
    { ...get(`/containers/${own.slice(0, 12)}/json`), as: `/containers/${own}/json` },
    get(`/containers/${own}/logs?stdout=1&tail=10`),
    post(
      'a command in a container',
      `/containers/${own}/exec`,
      { Cmd: ['id'], AttachStdout: true, Privileged: false },
      {
        sends: { Cmd: ['id'], AttachStdout: true },
        withholds: 'Privileged',
      },
    ),
    post('the start of a command', `/exec/${ownExec}/start`, { Detach: true }, { sends: { Detach: true } }),
    get(`/exec/${ownExec}/json`),
    post('stop', `/v1.41/containers/${own}/stop?t=0`, undefined, { status: [204, 304] }),
    post('start', `/containers/${own}/start`, {}, { status: [204, 304] }),
    post('start with an empty body', `/containers/${own}/start`, undefined, { status: [204, 304] }),
    post('kill', `/containers/${own}/kill?signal=SIGUSR1`),
    post(
      'a network',
      '/networks/create',
      { Name: `${project.name}_made`, Driver: '', Internal: false, Attachable: false },
      {
        sends: { Name: `${project.name}_made`, Driver: 'bridge', Internal: true, Labels: label },
      },
    ),
    { ...get('/networks'), as: `/networks?${filters({})}` },
    get(`/networks/${network}`),
    post(
      'a volume',
      '/volumes/create',
      { Name: `${project.name}_made`, Driver: 'local', DriverOpts: {}, Labels: label },
      {
        sends: { Name: `${project.name}_made`, Driver: 'local', Labels: label },
      },
    ),
    { ...get('/volumes'), as: `/volumes?${filters({})}` },
    get(`/volumes/${volume}`),
    get('/images/json'),
    get(`/images/${image}/json`),
    { name: 'removal of a network', method: 'DELETE', target: `/networks/${project.name}_made`, status: [200, 204] },
    { name: 'removal of a volume', method: 'DELETE', target: `/volumes/${project.name}_made` },
    {
      name: 'removal of a container',
      method: 'DELETE',
      target: `/containers/${own}?force=1`,
      as: `/containers/${own}?force=1&v=true`,
    },
  ];
}

/** What of the computer a container may see: the workspace as a whole, and volumes of the project. */
import { z } from 'zod';
import { INSIDE } from '../sandbox.js';
import { STATE_DIRECTORY } from '../places.js';
import { checked, containerPath, fields, flag, ignored, maybe, oneOf, text, unset, whole } from './fields.js';
import type { Project } from './project.js';
import { RequestRefused } from './refusal.js';

const mount = z.array(
  fields({
    Type: z.enum(['bind', 'volume', 'tmpfs'], 'must be bind, volume or tmpfs'),
    Source: text,
    Target: containerPath,
    ReadOnly: flag,
    Consistency: ignored,
    BindOptions: maybe(
      fields({
        Propagation: oneOf(['private', 'rprivate'], 'must be rprivate'),
        CreateMountpoint: ignored,
        NonRecursive: ignored,
      }),
    ),
    VolumeOptions: maybe(
      fields({
        NoCopy: flag,
        Labels: ignored,
        DriverConfig: unset('is refused: a driver can mount anything'),
        Subpath: unset('is refused'),
      }),
    ),
    TmpfsOptions: maybe(fields({ SizeBytes: whole, Mode: whole, Options: unset('is refused') })),
  }),
);

type Mount = z.output<typeof mount>[number];

export interface ContainerMounts {
  readonly mounts: readonly object[];
  /** Whether one is the workspace, to be written. */
  readonly writesWorkspace: boolean;
  /** Names of volumes that must be the project's. */
  readonly volumes: readonly string[];
}

interface GivenMounts {
  readonly Binds?: readonly string[] | undefined;
  readonly Mounts?: readonly unknown[] | undefined;
  /** Targets of volumes without a name. Podman reads each as a bind: they reach it as mounts. */
  readonly Volumes: readonly string[];
}

/**
 * All forms as the engine's Mounts, which never make a directory that is missing. Throws RequestRefused.
 *
 * Of the workspace only the whole can be mounted. The engine looks at the path when the container starts, and again at
 * each restart; an agent could replace any part of it by a link to elsewhere meanwhile.
 */
export function mountsOf({ Binds = [], Mounts = [], Volumes }: GivenMounts, project: Project): ContainerMounts {
  const named = [...Binds.map(mountOfBind), ...checked(mount, Mounts, ['HostConfig', 'Mounts'])];
  // Compose repeats the targets of the others here.
  const anonymous = Volumes.filter((target) => named.every(({ Target }) => Target !== target));
  const all = [...named, ...anonymous.map(mountOfBind)];
  const mounts = all.map((one) => translated(one, project));
  const ofWorkspace = all.filter(({ Type }) => Type === 'bind');
  return {
    mounts,
    writesWorkspace: ofWorkspace.some(({ ReadOnly }) => ReadOnly !== true),
    volumes: all.flatMap(({ Type, Source = '' }) => (Type === 'volume' && Source !== '' ? [Source] : [])),
  };
}

const BIND_OPTIONS = ['ro', 'rw', 'nocopy', 'rprivate', 'private'];

/** SOURCE:TARGET[:OPTIONS], or TARGET alone for a volume without a name. */
function mountOfBind(bind: string): Mount {
  const parts = bind.split(':');
  const [source = '', target = '', options = ''] = parts.length === 1 ? ['', ...parts] : parts;
  const names = options === '' ? [] : options.split(',');
  const unknown = names.find((name) => !BIND_OPTIONS.includes(name));
  if (parts.length > 3 || unknown !== undefined)
    throw new RequestRefused('a mount in HostConfig.Binds is refused: use SOURCE:TARGET, with :ro or :rw', 403, bind);
  return {
    Type: source.startsWith('/') || source.startsWith('.') ? 'bind' : 'volume',
    Source: source,
    Target: checked(containerPath, target, ['HostConfig', 'Binds', 'the target']),
    ReadOnly: names.includes('ro'),
    Consistency: undefined,
    BindOptions: undefined,
    VolumeOptions: names.includes('nocopy')
      ? { NoCopy: true, Labels: undefined, DriverConfig: undefined, Subpath: undefined }
      : undefined,
    TmpfsOptions: undefined,
  };
}

function translated(one: Mount, { workspace, holdsState }: Project): object {
  const { Type, Source = '' } = one;
  if (Type === 'bind') {
    // As a client in the sandbox knows it. Another spelling of it is refused rather than understood.
    if (Source.replace(/(?<=.)\/$/, '') !== INSIDE.workspace)
      throw new RequestRefused(
        `a mount of another directory is refused: of the computer a container sees the whole workspace only ` +
          `(${INSIDE.workspace}); mount that, and name the part in the container`,
        403,
        Source,
      );
    // A mount over the state hides it only until a link, in the workspace or the container, leads the mount elsewhere.
    if (holdsState)
      throw new RequestRefused(
        `the mount ${INSIDE.workspace} is refused: a directory from --workspace has the state of the swarm in it ` +
          `(${STATE_DIRECTORY}), which no container may see; use volumes of the project, or run without --workspace`,
      );
    return { ...one, Source: workspace };
  }
  if (Type === 'tmpfs' && Source !== '') throw new RequestRefused('a tmpfs has no source: leave it out', 403, Source);
  if (Type === 'volume' && Source !== '' && !/^[\w][\w.-]*$/.test(Source))
    throw new RequestRefused('a volume must have a name of letters, digits, _, . and -', 403, Source);
  return one;
}

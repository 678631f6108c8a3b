/** What an agent's calls may use beyond its workspace, as its file states it. Absent: nothing. */
export interface Permissions {
  /** Names of secrets; their files are in SECRETS_DIRECTORY of the sandbox. Default none. */
  readonly secrets?: readonly string[];
  /** Files and directories of the worker's computer, at the same path in the sandbox. Default none. */
  readonly mounts?: readonly Mount[];
  /** Whether its commands have a container engine, for the compose project of their mission. Default false. */
  readonly docker?: boolean;
}

export interface Mount {
  /** Absolute, without . and .. */
  readonly path: string;
  /** Read-only; there is no other mode. */
  readonly mode: 'ro';
}

/** Where the sandbox has the files of secrets: one for each, with its name. */
export const SECRETS_DIRECTORY = '/run/secrets';

/** The permissions alone, without what is absent. */
export function permissionsOf({ secrets = [], mounts = [], docker = false }: Permissions): Permissions {
  return {
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(mounts.length === 0 ? {} : { mounts }),
    ...(docker ? { docker } : {}),
  };
}

/** For a model: what its calls may use, by name; empty: nothing. */
export function permissionsText({ secrets = [], mounts = [], docker = false }: Permissions): string {
  const files = secrets.map((name) => `${SECRETS_DIRECTORY}/${name}`).join(', ');
  const lines = [
    ...(secrets.length === 0
      ? []
      : [`- Secrets, one in each file: ${files}. A command reads the file itself; never print or copy what is in it.`]),
    ...(mounts.length === 0
      ? []
      : [`- Outside of the workspace, to read: ${mounts.map(({ path }) => path).join(', ')}. Only commands see them.`]),
  ];
  if (docker) lines.push(ENGINE_TEXT);
  return lines.length === 0 ? '' : ['# What your commands may use', ...lines].join('\n');
}

const ENGINE_TEXT =
  '- A container engine, by docker and docker compose. COMPOSE_PROJECT_NAME is set: leave it, and let compose ' +
  'choose the names. Images must be there already. Of the computer a container can mount /workspace as a whole ' +
  'only. Containers reach one another and no other network.';

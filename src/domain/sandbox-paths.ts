/** Paths that every sandbox has itself. */
export const SANDBOX_PATHS = [
  '/workspace',
  '/outputs',
  '/keys',
  '/toolbox',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/etc',
  '/proc',
  '/dev',
  '/tmp',
  '/opt/node',
] as const;

/** Of which an agent's file cannot name anything; below /tmp it can. */
const NOT_FOR_MOUNTS: readonly string[] = [
  ...SANDBOX_PATHS.filter((path) => path !== '/tmp'),
  '/lib32',
  '/node_modules',
  '/run',
  '/sys',
  '/var/run',
];

/** Whether a path is the directory or lies below it; both absolute and normal. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}

/** Why an agent's file cannot name this path as a mount, behind "it"; null: it can. */
export function wrongMountPath(path: string): string | null {
  if (!path.startsWith('/')) return 'must be absolute: it begins with /';
  const names = path.split('/').slice(1);
  if (path === '/' || names.some((name) => name === '' || name === '.' || name === '..'))
    return 'must name a file or directory, without . and .. and without / at its end';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'must have no control characters';
  const inside = NOT_FOR_MOUNTS.find((taken) => isWithin(path, taken));
  if (inside !== undefined) return `must lie elsewhere: the sandbox has its own ${inside}`;
  const around = [...NOT_FOR_MOUNTS, '/tmp'].find((taken) => isWithin(taken, path));
  return around === undefined ? null : `must be smaller: it would hide ${around}, which the sandbox has itself`;
}

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

export interface ProjectPlaces {
  /** Where this package really lies; absolute. */
  readonly packageDir: string;
  /** Absolute. */
  readonly cwd: string;
  /** The program's file as it was started, links not followed. */
  readonly program: string;
}

/**
 * The project that a process works on: where agents/, missions/, workspaces and the local stack's data lie. The working
 * directory, where the package is installed or linked; inside a clone the nearest directory with a package.json; else
 * the clone, which a service may start by its path. A clone that others link to is never written to.
 */
export function projectDirOf({ packageDir, cwd, program }: ProjectPlaces): string {
  if (isInNodeModules(packageDir)) return cwd;
  if (`${cwd}${sep}`.startsWith(`${packageDir}${sep}`)) return nearestPackage(cwd, packageDir);
  return isInNodeModules(program) || isLink(program, packageDir) ? cwd : packageDir;
}

function isInNodeModules(path: string): boolean {
  return path.split(sep).includes('node_modules');
}

function nearestPackage(from: string, top: string): string {
  let directory = from;
  while (directory !== top && !existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}

/** Whether the program was started through a link to its file, such as that of npm link. */
function isLink(program: string, packageDir: string): boolean {
  return existsSync(program) && realpathSync(dirname(program)) !== join(packageDir, 'bin');
}

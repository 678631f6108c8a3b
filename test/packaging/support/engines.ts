import { readFileSync } from 'node:fs';
import semver from 'semver';
import { z } from 'zod';

/** The lowest version of node that engines in package.json allows. */
export const LOWEST = '20.19.0';

const engines = z.object({ node: z.string().optional() }).or(z.array(z.string()));
const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), engines: engines.optional() })),
});
type Packages = z.infer<typeof lockSchema>['packages'];

/** The packages of a lock file by their paths. */
export const readLock = (file: string): Packages => lockSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).packages;

/** Packages that say of themselves that they do not run on a version of node. */
export const excluding = (version: string, packages: Packages): readonly string[] =>
  Object.entries(packages).flatMap(([path, { engines }]) => {
    const range = engines === undefined || Array.isArray(engines) ? undefined : engines.node;
    return range === undefined || semver.satisfies(version, range) ? [] : [`${path} asks for node ${range}`];
  });

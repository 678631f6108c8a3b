import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../..');
const LOWEST = '20.19.0';

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const engines = z.object({ node: z.string().optional() }).or(z.array(z.string()));
const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), engines: engines.optional() })),
});
type Packages = z.infer<typeof lockSchema>['packages'];

/** Packages that say of themselves that they do not run on a version of node. */
const excluding = (version: string, packages: Packages) =>
  Object.entries(packages).flatMap(([path, { engines }]) => {
    const range = engines === undefined || Array.isArray(engines) ? undefined : engines.node;
    return range === undefined || semver.satisfies(version, range) ? [] : [`${path} asks for node ${range}`];
  });

describe('every supported version of node', () => {
  test.each([LOWEST, '20.20.2', '22.13.0', '24.0.0'])('%s is excluded by no package of the lock file', (version) => {
    const { packages } = lockSchema.parse(JSON.parse(read('package-lock.json')));
    expect(Object.keys(packages).length).toBeGreaterThan(300);
    expect(excluding(version, packages)).toEqual([]);
  });

  test('is excluded by a planted package that asks for more', () => {
    const planted = {
      'node_modules/a': { engines: { node: '>=22' } },
      'node_modules/b': { engines: { node: '>=20' } },
    };
    expect(excluding(LOWEST, planted)).toEqual(['node_modules/a asks for node >=22']);
  });

  test('is named in package.json, the setup and the workflow', () => {
    expect(JSON.parse(read('package.json'))).toMatchObject({ engines: { node: '>=20.19' } });
    expect(read('scripts/setup.mjs')).toContain('20.19 or newer is needed');
    const workflow = parse(read('.github/workflows/ci.yml'));
    expect(workflow.jobs.quick.strategy.matrix.node).toEqual(['20.19', '22', '24']);
  });
});

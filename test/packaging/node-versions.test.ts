import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { excluding, LOWEST, readLock } from './support/engines.js';

const ROOT = join(import.meta.dirname, '../..');

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

describe('every supported version of node', () => {
  test.each([LOWEST, '20.20.2', '22.13.0', '24.0.0'])('%s is excluded by no package of the lock file', (version) => {
    const packages = readLock(join(ROOT, 'package-lock.json'));
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

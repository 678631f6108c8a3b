import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun, root } from '../steps/run.mjs';
import { images } from './images.mjs';
import { jars } from './jars.mjs';
import { programs } from './programs.mjs';

/**
 * The bill of materials of this clone: npm's own, and what npm does not know. Rejects with StepFailed where npm cannot
 * make its part.
 */
export async function createBom() {
  const { name, version } = await readJson('package.json');
  const text = await mustRun('npm', ['sbom', '--sbom-format', 'cyclonedx'], {
    nextStep: 'Install the packages: npm run setup. npm sbom needs npm 10 or newer.',
  });
  const bom = withoutDevelopment(JSON.parse(text.slice(text.indexOf('{'))), await readJson('package-lock.json'));
  const others = [...(await programs()), ...(await images()), ...(await jars())];
  const self = `${name}@${version}`;
  return {
    ...bom,
    // npm takes the name of the directory.
    metadata: { ...bom.metadata, component: { ...bom.metadata.component, name, type: 'application' } },
    components: [...bom.components, ...others],
    dependencies: bom.dependencies.map((entry) =>
      entry.ref === self ? { ...entry, dependsOn: [...entry.dependsOn, ...required(others)] } : entry,
    ),
  };
}

/**
 * By package-lock.json: npm's own --omit dev leaves out what both the program and its tests use, and of two places of
 * one package npm takes the mark of the first it sees (npm 10 and 11).
 */
function withoutDevelopment(bom, { packages }) {
  const shipped = new Set(
    Object.entries(packages)
      .filter(([path, { dev = false }]) => path !== '' && !dev)
      .map(([path, { name = path.split('node_modules/').at(-1), version }]) => `${name}@${version}`),
  );
  const isShipped = (ref) => shipped.has(ref) || ref === bom.metadata.component['bom-ref'];
  return {
    ...bom,
    components: bom.components.filter((each) => isShipped(each['bom-ref'])).map(withoutMark),
    dependencies: bom.dependencies
      .filter(({ ref }) => isShipped(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isShipped) })),
  };
}

const withoutMark = ({ properties = [], ...component }) => ({
  ...component,
  properties: properties.filter(({ name }) => name !== 'cdx:npm:package:development'),
});

const required = (components) => components.filter(({ scope }) => scope === 'required').map((each) => each['bom-ref']);

const readJson = async (name) => JSON.parse(await readFile(join(root, name), 'utf8'));

// npm run eval: see eval/README.md. Runs the swarm as it is built (dist/) on small tasks, and counts what it proves.
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from '@swc/core';
import { build } from '../scripts/steps/build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const out = join(root, '.ravenhelm/eval');

/** Beside the compiled programs lies dist/ under the name src/, so that what they import is what users run. */
async function compile() {
  await rm(out, { recursive: true, force: true });
  const files = (await readdir(join(root, 'eval'), { recursive: true })).filter((path) => path.endsWith('.ts'));
  for (const path of files) {
    const { code } = await transform(await readFile(join(root, 'eval', path), 'utf8'), {
      filename: path,
      sourceMaps: 'inline',
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    const target = join(out, 'eval', path.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, code);
  }
  await symlink(join(root, 'dist'), join(out, 'src'));
}

await build();
await compile();
const { main } = await import(pathToFileURL(join(out, 'eval/cli.js')).href);
process.exit(await main(process.argv.slice(2), { projectDir: root, env: process.env }));

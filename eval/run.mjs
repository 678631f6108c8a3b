// npm run eval: see eval/README.md. Runs the swarm as it is built (dist/) on small tasks, and counts what it proves.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '../scripts/steps/build.mjs';
import { root } from '../scripts/steps/run.mjs';
import { compileBesideDist } from '../test/simulation/compile.mjs';

await build();
const compiled = await compileBesideDist(join(root, '.ravenhelm/eval'), ['eval']);
const { main } = await import(pathToFileURL(join(compiled, 'eval/cli.js')).href);
process.exit(await main(process.argv.slice(2), { projectDir: root, env: process.env }));

// npm run simulate: see test/README.md.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileBase, compileMutant } from './compile.mjs';

const base = await compileBase();
const { main } = await import(pathToFileURL(join(base, 'test/simulation/cli.js')).href);
const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort()); // a second one ends it at once
process.exitCode = await main(process.argv.slice(2), {
  base,
  compileMutant,
  interrupted: interruption.signal,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});

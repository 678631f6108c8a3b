// npm run dev: compiles src/ to dist/ whenever a file changes, and starts the command again after each compilation.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, PROGRAM } from './steps/build.mjs';
import { root } from './steps/run.mjs';

const HELP = `npm run dev [-- COMMAND…]: compiles src/ whenever a file changes. With a command of ravenhelm it starts
that command, and starts it again after each change, for example

  npm run dev -- run missions/hello.yaml --log memory
  npm run dev -- start --role worker --agents cert_agent

Ctrl-C ends it. Exit codes: 0 ended by Ctrl-C, otherwise that of the compiler or of node.
`;

const command = process.argv.slice(2);
if (command[0] === '--help' || command[0] === '-h') {
  process.stdout.write(HELP);
  process.exit();
}

await build(); // the generated events, and something to start before the compiler's first round
// The compiler does not keep it up to date; without it, the modules of dist/ are started. The next build writes it.
await rm(join(root, PROGRAM), { recursive: true });
const start = (...args) => spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
const compiler = start(
  'node_modules/typescript/bin/tsc',
  '-p',
  'tsconfig.build.json',
  '--watch',
  '--preserveWatchOutput',
);
const children = [compiler];
// --watch-path and not --watch alone: commands are loaded lazily, and a change of one that is not loaded yet counts
// too.
if (command.length > 0)
  children.push(
    start('--watch-path=dist', '--watch-preserve-output', '--enable-source-maps', 'bin/ravenhelm.js', ...command),
  );
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => children.forEach((child) => child.kill(signal)));
const [exitCode] = await Promise.race(children.map((child) => once(child, 'exit')));
children.forEach((child) => child.kill());
process.exitCode = exitCode ?? 0;

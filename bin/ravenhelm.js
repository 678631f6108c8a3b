#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

// A worker lives beside the work that it starts: V8 collects garbage early rather than let the heap grow to several
// times of what is alive, as it does where the machine has memory. Measured by npm run bench -- pressure. Not while it
// starts, when the heap only grows: that takes an eighth more processor time.
setTimeout(() => setFlagsFromString('--heap-growing-percent=20'), 10_000).unref();

// Stack traces name the lines of src/*.ts. Not in src/main.ts: its imports are loaded before it could say so.
process.setSourceMapsEnabled(true);

// The modules of src in a few files, which start in less time; npm run dev leaves those out.
const main = ['../dist/program/main.js', '../dist/main.js'].find((path) => existsSync(new URL(path, import.meta.url)));
if (main !== undefined) {
  await import(new URL(main, import.meta.url).href);
} else {
  process.stderr.write('ravenhelm is not built yet. Run: npm run setup\n');
  process.exitCode = 2;
}

#!/usr/bin/env node
// Asks this container's process how it is: exit 0 when it answers 200. Argument: livez or readyz. For health checks,
// which should not wait for the whole program to load.
const port = (process.env.RAVENHELM_HTTP ?? '9464').split(':').at(-1);
const path = process.argv[2] ?? 'livez';

try {
  const response = await fetch(`http://127.0.0.1:${port}/${path}`, { signal: AbortSignal.timeout(4_000) });
  process.stdout.write(`${await response.text()}\n`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`no answer on port ${port}: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}

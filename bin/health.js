#!/usr/bin/env node
// Asks this container's process how it is: exit 0 when it answers 200. Argument: livez or readyz. For health checks,
// which should not wait for the whole program to load. Address and token are those of the process.
const { RAVENHELM_HTTP: setting = '9464', RAVENHELM_HTTP_TOKEN: token } = process.env;
const colon = setting.lastIndexOf(':');
const port = setting.slice(colon + 1);
const given = colon < 0 ? '' : setting.slice(0, colon);
// On all addresses, it listens on this one too.
const host = ['', '0.0.0.0', '[::]'].includes(given) ? '127.0.0.1' : given;
const path = process.argv[2] ?? 'livez';

try {
  const response = await fetch(`http://${host}:${port}/${path}`, {
    headers: token ? { authorization: `Bearer ${token}` } : {},
    redirect: 'error',
    signal: AbortSignal.timeout(4_000),
  });
  process.stdout.write(`${await response.text()}\n`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`no answer at ${host}:${port}: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}

// node scripts/test-program.mjs collector | prometheus
// Fetches what only tests of telemetry need, unless it is here. Prints JSON: { path } or { reason }, why there is none.
// Its own process, so that of two test runs one builds and the other waits for it.
import { join } from 'node:path';

import { buildCollector } from './steps/collector.mjs';
import { fetchPrometheus } from './steps/prometheus.mjs';
import { root, signalChildren } from './steps/run.mjs';
import { lockSetup } from './steps/setup-lock.mjs';

const FETCH = { collector: buildCollector, prometheus: fetchPrometheus };
const say = (line) => process.stderr.write(`${line}\n`);

const [name, ...more] = process.argv.slice(2);
if (!Object.hasOwn(FETCH, name ?? '') || more.length > 0) {
  say(`node scripts/test-program.mjs ${Object.keys(FETCH).join(' | ')}`);
  process.exitCode = 2;
} else {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signalChildren(signal));
  const unlock = await lockSetup(
    (pid) => say(`another test run (pid ${pid}) fetches the ${name}; waiting for it`),
    join(root, `.ravenhelm/${name}.pid`),
    'test-program.mjs',
  );
  try {
    process.stdout.write(`${JSON.stringify(await FETCH[name]({ say }))}\n`);
  } finally {
    unlock();
  }
}

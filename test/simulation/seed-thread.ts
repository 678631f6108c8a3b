/** One thread of a run: takes seeds from the queue until it is empty. */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { SeedReport, ThreadData } from './run-seeds.js';
import { openSeedQueue } from './seed-queue.js';
import { simulate } from './simulate.js';
import { loadSystem } from './system.js';

const { tree, from, faults, queue: memory } = workerData as ThreadData; // run-seeds.ts started this thread with it
const queue = openSeedQueue(memory);
// An error's stack takes longer than the step that makes it; --trace, which has no thread, shows it.
Error.stackTraceLimit = 0;
const system = await loadSystem((path) => import(pathToFileURL(`${tree}/src/${path}`).href));
for (let index = queue.take(); index !== null; index = queue.take()) {
  const { seed, violation, steps, fingerprint } = await simulate({ seed: from + index, system, faults });
  const report: SeedReport = {
    seed,
    steps,
    fingerprint,
    violation: violation === null ? null : { invariant: violation.invariant, detail: violation.detail },
  };
  parentPort?.postMessage(report);
}

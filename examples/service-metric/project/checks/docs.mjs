// node checks/docs.mjs PAGE METRIC: starts the service, provokes each kind of answer, and compares what GET /metrics
// has with the page's table: METRIC is in both, every metric has its row, with exactly its labels, and no row is made
// up.
import { readFileSync } from 'node:fs';
import { withService } from '../test/service.mjs';

const REQUESTS = { bolt: 1, nut: 9, screw: 1, washer: 0 };
const [page, wanted] = process.argv.slice(2);

/** The first groups of all matches, in one order. */
const namesIn = (text, pattern) =>
  [...text.matchAll(pattern)]
    .map(([, name]) => name)
    .sort((one, other) => one.localeCompare(other))
    .join();

const documented = new Map();
for (const [, name, labels] of readFileSync(page, 'utf8').matchAll(/^\| `(\w+)` \| (.*?) \| \S.* \|$/gm))
  documented.set(name, namesIn(labels, /`(\w+)`/g));

const exposed = new Map();
await withService(async ({ take, metrics }) => {
  for (const [item, count] of Object.entries(REQUESTS)) await take(item, count);
  for (const [, name, labels = ''] of (await metrics()).matchAll(/^(\w+)(?:\{(.*)\})? \d+$/gm))
    exposed.set(name, namesIn(labels, /(\w+)="/g));
});

const problems = [
  ...[...exposed].filter(([name]) => !documented.has(name)).map(([name]) => `${page} has no row for ${name}`),
  ...[...documented].filter(([name]) => !exposed.has(name)).map(([name]) => `${page}: the service has no ${name}`),
  ...[...exposed]
    .filter(([name, labels]) => documented.has(name) && documented.get(name) !== labels)
    .map(([name, labels]) => `${page}: ${name} has the labels ${labels}`),
  ...(exposed.has(wanted) ? [] : [`the service has no ${wanted}`]),
];
for (const problem of problems) console.error(`FAILED ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

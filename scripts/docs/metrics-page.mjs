/** The page docs/metrics.md, made from what the program registers (src/telemetry/metric-catalog.ts). */

const cell = (text) => text.replaceAll('|', '\\|');

function section({ name, kind, help, labels, buckets }) {
  const rows = Object.entries(labels).map(([label, values]) => `| \`${label}\` | ${cell(values)} |`);
  return [
    `## ${name}`,
    '',
    `${help}. A ${kind}.${buckets === undefined ? '' : ` Upper bounds of its buckets: ${buckets.join(', ')}.`}`,
    '',
    '| label | values |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n');
}

const INTRODUCTION = [
  'Generated from [src/telemetry/metric-catalog.ts](../src/telemetry/metric-catalog.ts) by `npm run docs:metrics`. Do',
  'not edit; a test compares the two.',
  '',
  '`/metrics` of a process serves them for Prometheus ([operations.md](operations.md#health-and-metrics)), with the',
  'default metrics of `prom-client` (memory, processor time, event loop). Each process counts what happens in it: sum',
  'over the processes of a swarm. Units are in the names. No label has ids of missions, tasks or people.',
];

/** @param metrics a Record of MetricDefinition */
export function metricsPage(metrics) {
  const all = Object.values(metrics);
  return [
    '# Metrics',
    '',
    ...INTRODUCTION,
    '',
    '| metric | kind | labels | meaning |',
    '|---|---|---|---|',
    ...all.map(
      ({ name, kind, help, labels }) =>
        `| [\`${name}\`](#${name}) | ${kind} | ${Object.keys(labels).join(', ')} | ${cell(help)} |`,
    ),
    '',
    ...all.map(section),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

/** The page docs/metrics.md, made from what the program registers (src/telemetry/metric-catalog.ts). */

const cell = (text) => text.replaceAll('|', '\\|');

function section({ name, kind, help, labels, buckets }) {
  const rows = Object.entries(labels).map(([label, values]) => `| \`${label}\` | ${cell(values)} |`);
  return [
    `## ${name}`,
    '',
    `${help}. A ${kind}.${buckets === undefined ? '' : ` Upper bounds of its buckets: ${buckets.join(', ')}.`}`,
    '',
    ...(rows.length === 0 ? ['It has no labels.'] : ['| label | values |', '|---|---|', ...rows]),
    '',
  ].join('\n');
}

const INTRODUCTION = `\
Generated from [src/telemetry/metric-catalog.ts](../src/telemetry/metric-catalog.ts) by \`npm run docs:metrics\`. Do
not edit; a test compares the two.

\`/metrics\` of a process serves them for Prometheus ([operations.md](operations.md#health-and-metrics)), with the
default metrics of \`prom-client\` (memory, processor time, event loop). The same values go out by OTLP where that is
set ([operations.md](operations.md#metrics-by-otlp)). Sum over the processes of a swarm. Units are in the names. No
label has ids of missions, tasks or people; a word that is on none of the lists becomes \`other\`.

What a record says (ends of missions, attempts and steps, retries, approvals) is counted by the process that holds the
partition when it reads the record: once in the swarm, also after a take-over. It is missed where a process ends
between writing a record and reading it. Gauges of missions, tasks and partitions have what a process holds at the
moment of the collection: one that has lost a partition does not report it any more. Model calls, appends and what
runs in the sandbox are counted where they happen.`;

/** @param metrics a Record of MetricDefinition */
export function metricsPage(metrics) {
  const all = Object.values(metrics);
  return [
    '# Metrics',
    '',
    INTRODUCTION,
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

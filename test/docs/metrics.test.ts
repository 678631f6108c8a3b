import { METRICS } from '../../src/telemetry/metric-catalog.js';
import { createPrometheus } from '../../src/telemetry/prometheus.js';
import { metricsPage } from '../../scripts/docs/metrics-page.mjs';
import { readPage } from './support/markdown.js';

const names = Object.values(METRICS).map(({ name }) => name);

test('docs/metrics.md is what npm run docs:metrics makes of the code', () => {
  expect(readPage('docs/metrics.md')).toBe(metricsPage(METRICS));
});

test('/metrics serves exactly what is listed', async () => {
  const text = await createPrometheus({ version: '1.2.3', readings: () => [] }).text();
  const served = [...text.matchAll(/^# HELP (ravenhelm_\S+) /gm)].map(([, name]) => name);
  expect(served.toSorted()).toEqual(names.toSorted());
});

test('names have the prefix and the unit, and no label has ids', () => {
  for (const { name, kind, labels } of Object.values(METRICS)) {
    expect(name).toMatch(/^ravenhelm_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(kind === 'counter');
    if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(Object.keys(labels).filter((label) => /mission|task|attempt|step|user|_id$/.test(label))).toEqual([]);
  }
});

/** The files of deploy/grafana, as far as they can be checked without Grafana; their queries are asked in servers/. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const DIR = 'deploy/grafana';
const source = z.object({ type: z.string(), uid: z.string() });
const place = z.object({ x: z.number(), y: z.number(), w: z.number().max(24), h: z.number().min(1) });
const panel = z.object({
  type: z.string(),
  title: z.string().min(1),
  gridPos: place,
  datasource: source.optional(),
  targets: z.array(z.looseObject({ refId: z.string().optional(), query: z.string().optional() })).optional(),
});
const dashboard = z.object({
  title: z.string(),
  uid: z.string().max(40),
  schemaVersion: z.number(),
  panels: z.array(panel).min(5),
});
const dataSources = z.object({
  apiVersion: z.literal(1),
  datasources: z.array(z.object({ name: z.string(), uid: z.string(), type: z.string(), url: z.string() })),
});
const providers = z.object({
  apiVersion: z.literal(1),
  providers: z.array(z.object({ name: z.string(), type: z.literal('file'), options: z.object({ path: z.string() }) })),
});
const provisioned = (name: string): unknown =>
  parse(readFileSync(join(DIR, 'provisioning', name, 'ravenhelm.yml'), 'utf8'));
const { datasources } = dataSources.parse(provisioned('datasources'));

test('the provisioning files name the two data sources and where the dashboards lie', () => {
  expect(datasources.map(({ type, uid }) => [type, uid])).toEqual([
    ['prometheus', 'ravenhelm-prometheus'],
    ['tempo', 'ravenhelm-tempo'],
  ]);
  expect(providers.parse(provisioned('dashboards')).providers).toHaveLength(1);
});

describe.each(readdirSync(join(DIR, 'dashboards')))('%s', (file) => {
  const { panels } = dashboard.parse(JSON.parse(readFileSync(join(DIR, 'dashboards', file), 'utf8')));
  const asking = panels.filter(({ type }) => type !== 'row');

  test('asks data sources that are provisioned', () => {
    for (const { title, datasource } of asking)
      expect([title, datasources]).toEqual([
        title,
        expect.arrayContaining([expect.objectContaining({ ...datasource })]),
      ]);
  });

  test('has panels that do not overlap, each with a question', () => {
    const taken = new Set<string>();
    for (const { title, gridPos, targets = [], type } of panels) {
      if (type !== 'row') expect([title, targets.length > 0]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken).not.toContain(`${x}/${y}`);
          taken.add(`${x}/${y}`);
        }
    }
  });

  test('has trace panels whose questions have the form of TraceQL', () => {
    const questions = asking.flatMap(({ datasource, targets = [] }) =>
      datasource?.type === 'tempo' ? targets.map(({ query }) => query) : [],
    );
    for (const question of questions) expect(question).toMatch(/^\{ (?:[\w.]+ [=><]+ [\w".]+(?: && )?)+ \}$/);
  });
});
